#!/bin/bash
# run.sh: everything that is tested, on one machine, from a bare Debian 12 on.
#
# usage: tests/run.sh [--filter REGEX] [--no-install] [--keep]
#
# Installs what the build and the tests need (as root or with sudo), builds with AddressSanitizer
# and UndefinedBehaviorSanitizer, and runs: the unit tests; those of threaded code again under
# ThreadSanitizer; each fuzz target for ten seconds; a lint of the man pages; the integration
# scripts against real clients. The last line is "N passed, N failed, N skipped": unit test cases,
# fuzz targets, man pages and integration scripts. The exit code is 0 only if nothing failed.
#
# --filter REGEX  only unit test programs, fuzz targets and integration scripts of that name
# --no-install    use what is there; what is missing is skipped
# --keep          keep the integration scripts' directories
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

filter= install=1 keep=
while [ $# -gt 0 ]; do
    case $1 in
    --filter) filter=${2:?--filter needs an expression}; shift ;;
    --no-install) install= ;;
    --keep) keep=--keep ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 2 ;;
    esac
    shift
done

. tests/support/packages.sh
passed=0 failed=0 skipped=0

add() # PASSED FAILED SKIPPED
{
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

say()
{
    printf '\n== %s\n' "$*"
}

finish()
{
    printf '\n%d passed, %d failed, %d skipped\n' $passed $failed $skipped
    [ $failed = 0 ]
    exit
}

# Configure and build; the log is shown only if that fails.
build() # DIRECTORY PRESET TARGET...
{
    local dir=$1 preset=$2 log=$1.log
    shift 2
    mkdir -p build
    if cmake -G Ninja -C "config/build/$preset.cmake" -B "$dir" >"$log" 2>&1 &&
        cmake --build "$dir" --parallel "$(nproc)" ${1:+--target "$@"} >>"$log" 2>&1; then
        return 0
    fi
    echo "FAILED  build of $dir:"
    grep -E 'error|Error|FAILED' -A 5 "$log" | head -n 60
    add 0 1 0
    return 1
}

# Run ctest and count the cases in what the programs print.
unit_tests() # DIRECTORY REGEX [LAUNCHER...]
{
    local dir=$1 regex=$2
    shift 2
    rm -f "$dir/unit.xml" "$dir/counts"
    (cd "$dir" && "$@" ctest --parallel 2 --timeout 300 -R "$regex" --output-junit unit.xml \
        --test-output-size-passed 1000000 --test-output-size-failed 1000000 \
        >unit.log 2>&1)
    python3 tests/support/count_cases.py "$dir/unit.xml" "$dir/counts"
    add $(cat "$dir/counts" 2>/dev/null || echo 0 1 0)
}

fuzz_smoke()
{
    if ! command -v clang >/dev/null || [ ! -f tests/fuzz/fuzz.cmake ]; then
        echo "skipped fuzzing: clang is not installed"
        add 0 0 1
        return
    fi
    build build/fuzz fuzz || return
    local target name corpus log
    for target in $(find build/fuzz -type f -executable -name 'fuzz_*' | grep -E "$filter"); do
        name=$(basename "$target")
        corpus=build/fuzz/corpus/$name log=build/fuzz/$name.log
        mkdir -p "$corpus"
        seeds=tests/fuzz/corpus/${name#fuzz_}
        [ -d "$seeds" ] || seeds=
        if "$target" -max_total_time=10 -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 \
            -artifact_prefix=build/fuzz/ "$corpus" $seeds >"$log" 2>&1; then
            echo "ok      $name"
            add 1 0 0
        else
            echo "FAILED  $name:"
            tail -n 40 "$log"
            add 0 1 0
        fi
    done
}

man_pages()
{
    local page
    if ! command -v mandoc >/dev/null; then
        echo "skipped man pages: mandoc is not installed"
        add 0 0 1
        return
    fi
    for page in docs/man/*.[1-8]; do
        [ -e "$page" ] || continue
        if mandoc -T lint -W warning "$page"; then
            add 1 0 0
        else
            echo "FAILED  $page"
            add 0 1 0
        fi
    done
}

if [ -n "$install" ]; then
    say "packages"
    install_packages $BUILD_PACKAGES $TEST_PACKAGES || echo "some packages are missing"
fi
for tool in cmake ninja python3; do
    command -v $tool >/dev/null || { echo "FAILED  $tool is not installed"; add 0 1 0; finish; }
done

say "build with sanitizers"
build build/sanitize sanitize || finish

say "unit tests"
unit_tests build/sanitize "${filter:-.}"

say "unit tests of threaded code, with ThreadSanitizer"
threaded=$({ ls tests/unit/{worker,plugin}/test_*.c; ls build/sanitize/tests/test_{auth_{pam,sql},sftp_notify}; } 2>/dev/null |
    xargs -n1 basename -s .c)
if build build/tsan tsan $threaded; then
    # gcc's ThreadSanitizer cannot place its shadow beside a highly randomised address space.
    unit_tests build/tsan "^(worker/|plugin/|plugins/test_(auth_(pam|sql)|sftp_notify)).*$filter" setarch --addr-no-randomize
fi

say "fuzzing, ten seconds each"
fuzz_smoke

say "man pages"
man_pages

say "integration with real clients"
rm -f build/integration.counts
tests/integration/run-integration.sh build/sanitize --filter "${filter:-.}" \
    --counts build/integration.counts $keep
add $(cat build/integration.counts 2>/dev/null || echo 0 1 0)

finish
