#!/bin/bash
# run-integration.sh: run the integration scripts against a built tree.
#
# usage: run-integration.sh BUILD_DIR [--filter REGEX] [--jobs N] [--keep] [--counts FILE]
#
# The build is installed into a temporary prefix and the tests are copied beside it, so that what is
# tested is what an operator gets; run by root, the scripts run as nobody, so that permissions mean
# something (those with "# needs: root" in their head run as root). A script has 120 s, or what its
# "# seconds: N" says. Those with "# isolated: too" run once more, as NAME@process, with every plugin
# in a process of its own. --keep leaves all temporary directories. --counts appends
# "passed failed skipped".
set -uo pipefail

usage()
{
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"
    exit 2
}

[ $# -ge 1 ] && [ "${1:0:1}" != - ] || usage
build=$(realpath "$1")
shift
filter=. jobs=2 keep='' counts=
while [ $# -gt 0 ]; do
    case $1 in
    --filter) filter=$2; shift ;;
    --jobs) jobs=$2; shift ;;
    --keep) keep=1 ;;
    --counts) counts=$2; shift ;;
    *) usage ;;
    esac
    shift
done

umask 022
stage=$(mktemp -d "${TMPDIR:-/tmp}/sallyport-integration.XXXXXX")
chmod 755 "$stage"
[ -n "$keep" ] || trap 'rm -rf "$stage"' EXIT
tests=$(realpath "$(dirname "$0")/..")

cmake --install "$build" --prefix "$stage/prefix" >"$stage/install.log" || {
    cat "$stage/install.log"
    exit 1
}
ln -s "$(dirname "$(find "$stage/prefix" -path '*/plugins/fs-posix')")" "$stage/prefix/plugins"
mkdir -p "$stage/tests" "$stage/build-plugins" "$stage/results" "$stage/tmp"
cp -r "$tests/integration" "$tests/support" "$stage/tests/"
cp "$tests"/../docs/authors/{tutorial,storage}.md "$stage/tests/"
for folder in fault abi; do
    [ ! -d "$build/tests/$folder/plugins" ] || cp -r "$build/tests/$folder/plugins/." "$stage/build-plugins/"
done
chmod -R go-w "$stage"
chmod 1777 "$stage/results" "$stage/tmp"

export SALLYPORT_PREFIX=$stage/prefix SALLYPORT_BUILD_PLUGINS=$stage/build-plugins
export TESTS=$stage/tests RESULTS=$stage/results TMPDIR=$stage/tmp KEEP=$keep
unset SSH_AUTH_SOCK DISPLAY
export LC_ALL=C.UTF-8 PATH=$PATH:/usr/sbin:/sbin

# Runs one script, leaves "result name seconds" in a file, and its output when that matters.
run_one()
{
    local script=${1%@process} name begin code=0 seconds
    name=$(basename "$script" .sh)
    if [ "$script" != "$1" ]; then
        name+=@process
        export SALLYPORT_ISOLATION=process
    fi
    begin=$(date +%s%N)
    seconds=$(sed -n 's/^# seconds: \([0-9]*\).*/\1/p' "$script")
    local as=()
    if [ "$(id -u)" = 0 ] && ! grep -q '^# needs: root' "$script"; then
        as=(setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all)
    fi
    timeout -k 20 "${seconds:-120}" "${as[@]}" bash "$script" >"$RESULTS/$name.out" 2>&1 || code=$?
    local took
    took=$(awk -v b="$begin" -v e="$(date +%s%N)" 'BEGIN { printf "%.1f s", (e - b) / 1e9 }')
    case $code in
    0) echo "passed" >"$RESULTS/$name.result"; echo "ok      $name ($took)" ;;
    77)
        echo "skipped" >"$RESULTS/$name.result"
        echo "skipped $name: $(sed -n 's/^SKIPPED: //p' "$RESULTS/$name.out" | head -1)"
        ;;
    *)
        echo "failed" >"$RESULTS/$name.result"
        {
            echo "FAILED  $name ($took, code $code)"
            tail -n 100 "$RESULTS/$name.out" | sed 's/^/        /'
        } | cat
        ;;
    esac
}
export -f run_one

for script in "$stage"/tests/integration/*.sh; do
    case $(basename "$script") in
    lib.sh | run-integration.sh) ;;
    *)
        echo "$script"
        ! grep -q '^# isolated: too' "$script" || echo "$script@process"
        ;;
    esac
done | grep -E -- "/[^/]*($filter)[^/]*$" | xargs -r -P "$jobs" -I{} bash -c 'run_one "{}"'

count()
{
    cat "$stage"/results/*.result 2>/dev/null | grep -c "^$1$"
}
passed=$(count passed) failed=$(count failed) skipped=$(count skipped)
echo "integration: $passed passed, $failed failed, $skipped skipped"
[ -z "$counts" ] || echo "$passed $failed $skipped" >>"$counts"
[ -z "$keep" ] || echo "kept: $stage"
[ "$failed" = 0 ]
