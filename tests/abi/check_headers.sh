#!/bin/bash
# check_headers.sh: each header of the SDK by itself, as C99 and as C++11, without a warning; a plugin in
# C++; and the smallest plugin, as the manual shows it.
#
# usage: check_headers.sh INCLUDE_DIRECTORY MANUAL
set -euo pipefail
[ $# = 2 ] || { sed -n '/^# usage/s/^# //p' "$0"; exit 2; }
include=$1 manual=$2 here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
warnings=(-pedantic-errors -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wundef -Werror)

check() # LANGUAGE COMPILER STANDARD HEADER
{
    echo "#include <sallyport/$(basename "$4")>" >"$work/header.$1"
    "$2" "-std=$3" "${warnings[@]}" -I "$include" -c -o /dev/null "$work/header.$1"
}

plugin() # COMPILER STANDARD SOURCE
{
    "$1" "-std=$2" "${warnings[@]}" -I "$include" -fvisibility=hidden -fPIC -shared \
        -o "$work/plugin.so" "$3"
    nm -D --defined-only "$work/plugin.so" | grep -q ' sallyport_plugin_v1$' ||
        { echo "$3 exports no descriptor"; exit 1; }
}

for header in "$include"/sallyport/*.h; do
    check c cc c99 "$header"
    if command -v c++ >/dev/null; then
        check cc c++ c++11 "$header"
    fi
done
if command -v c++ >/dev/null; then
    plugin c++ c++11 "$here/plugins/plain.cc"
else
    echo "no C++ compiler: checked as C only"
fi
sed -n '/^#include <sallyport.helpers/,/^};$/p' "$manual" | sed '/^\./d' >"$work/smallest.c"
grep -q SP_PLUGIN "$work/smallest.c" || { echo "the manual has no smallest plugin"; exit 1; }
plugin cc c99 "$work/smallest.c"
