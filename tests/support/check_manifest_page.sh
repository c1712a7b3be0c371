#!/bin/bash
# check_manifest_page.sh: sallyport-manifest(5) has every key that a manifest may have and no other, and
# its example is a manifest in which `sallyport plugin check` finds nothing to say but that there is no
# library.
#
# usage: check_manifest_page.sh SOURCE_DIRECTORY SALLYPORT
set -euo pipefail
[ $# = 2 ] || { sed -n '/^# usage/s/^# //p' "$0"; exit 2; }
page=$1/docs/man/sallyport-manifest.5 schema=$1/core/plugin/manifest.schema.json
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -c 'import json, sys; print("\n".join(sorted(json.load(sys.stdin)["properties"])))' <"$schema" \
    >"$work/keys"
# Those of the outermost list; a list within it has words of its own.
awk '/^\.Bl/ { depth++ } /^\.El/ { depth-- } depth == 1 && /^\.It Cm/' "$page" |
    sed 's/^\.It Cm //; s/ , /\n/g' | sort >"$work/told"
diff -u "$work/keys" "$work/told"

mkdir "$work/greeter"
sed -n '/^\.Bd -literal/,/^\.Ed/{/^\./d;p}' "$page" >"$work/greeter/manifest.json"
if "$2" plugin check "$work/greeter" >"$work/said" 2>&1; then
    echo "the example has no library, and the check did not mind"
    exit 1
fi
[ "$(wc -l <"$work/said")" = 1 ] && grep -q '/library: .*does not exist' "$work/said" || { cat "$work/said"; exit 1; }
