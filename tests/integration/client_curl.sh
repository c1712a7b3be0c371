# curl (libssh2): files up and down by sftp and scp, a listing, resumed both ways, made directories,
# commands before and after.
. "$(dirname "$0")/lib.sh"
need curl
curl --version | grep -qw sftp || skip "curl knows no sftp"
daemon_start

random_file "$W/data" 3000000
url=127.0.0.1:$PORT/
curl_()
{
    curl -sS --max-time 60 --user alice: --key "$W/key" --pubkey "$W/key.pub" -k "$@"
}
curl_ -T "$W/data" --ftp-create-dirs "sftp://$url/new/directory/data"
expect_same_file "$W/data" "$W/root/alice/new/directory/data"
curl_ "sftp://$url/new/directory/data" -o "$W/out/data"
expect_same_file "$W/data" "$W/out/data"
expect_match "$(curl_ "sftp://$url/new/directory/")" '3000000 .* data' "listing"

head -c 1000000 "$W/data" >"$W/out/part"
curl_ -C - "sftp://$url/new/directory/data" -o "$W/out/part"
expect_same_file "$W/data" "$W/out/part"
head -c 1000000 "$W/data" >"$W/root/alice/part"
curl_ -C - -T "$W/data" "sftp://$url/part"
expect_same_file "$W/data" "$W/root/alice/part"

curl_ -Q "rename /part /whole" -Q "chmod 600 /whole" "sftp://$url/" -o "$W/out/listing"
expect_equal "$(stat -c %a "$W/root/alice/whole")" 600 "mode"
expect_failure curl_ "sftp://$url/none"

curl_ -T "$W/data" "scp://$url/by-scp"
expect_same_file "$W/data" "$W/root/alice/by-scp"
curl_ "scp://$url/by-scp" -o "$W/out/by-scp"
expect_same_file "$W/data" "$W/out/by-scp"
