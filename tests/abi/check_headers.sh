#!/bin/bash
# check_headers.sh: each header of the SDK by itself, as C99 and as C++11, without a warning.
#
# usage: check_headers.sh INCLUDE_DIRECTORY
set -euo pipefail
include=${1:?usage: check_headers.sh INCLUDE_DIRECTORY}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
warnings=(-pedantic-errors -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wundef -Werror)

check() # LANGUAGE COMPILER STANDARD HEADER
{
    echo "#include <sallyport/$(basename "$4")>" >"$work/header.$1"
    "$2" "-std=$3" "${warnings[@]}" -I "$include" -c -o /dev/null "$work/header.$1"
}

for header in "$include"/sallyport/*.h; do
    check c cc c99 "$header"
    if command -v c++ >/dev/null; then
        check cc c++ c++11 "$header"
    fi
done
command -v c++ >/dev/null || echo "no C++ compiler: checked as C only"
