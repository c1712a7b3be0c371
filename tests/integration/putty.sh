# PuTTY's psftp and plink.
# isolated: too
. "$(dirname "$0")/lib.sh"
need psftp plink
daemon_start

random_file "$W/data" 5000000
psftp_ <<END
mkdir dir
put $W/data dir/data
ls dir
get dir/data $W/out/data
mv dir/data dir/moved
END
expect_same_file "$W/data" "$W/out/data"
expect_same_file "$W/data" "$W/root/alice/dir/moved"

code=0
out=$(plink_ 'echo hi; exit 5') || code=$?
expect_equal "$out" hi "plink's output"
expect_equal "$code" 5 "plink's exit status"
plink_ cat <"$W/data" >"$W/out/data"
expect_same_file "$W/data" "$W/out/data"
