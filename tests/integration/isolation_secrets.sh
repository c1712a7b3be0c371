# The process of an isolated plugin reads the whole configuration to find its own part: what other
# instances and the host keys are configured with is in none of its memory when the plugin begins.
# needs: root
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip "this needs root"
secret="guarded-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')-tail"
configure '{"workers": 1, "user": "nobody", "plugins": [
    {"name": "all", "plugin": "judge", "isolation": "in-process", "config": {"secret": "'"$secret"'", "permit": 2047}},
    {"name": "alone", "plugin": "judge", "isolation": "process", "config": {"secret": "its-own-and-no-other", "permit": 2047}},
    {"name": "files", "plugin": "fs-posix"}, {"name": "shell", "plugin": "exec-shell"}],
    "chains": {"auth": ["all", "alone"]}}'
chmod 755 "$W"
SANITIZER_OPTIONS=detect_leaks=0 daemon_start
host=$(sallyport plugin info alone --json --socket "$W/state/control.sock" |
    "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["processes"][0]["pid"])')

counts() # TEXT PID
{
    TEXT=$1 PID=$2 "$PYTHON" <<'END'
import os, re
count = 0
needle = os.environ["TEXT"].encode()
pid = os.environ["PID"]
with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
    for line in maps:
        begin, end = (int(text, 16) for text in re.match(r"([0-9a-f]+)-([0-9a-f]+)", line).groups())
        if " rw" not in line or end - begin > 1 << 30:  # a sanitizer's shadow
            continue
        while begin < end:
            try:
                mem.seek(begin)
                piece = mem.read(min(1 << 22, end - begin))
            except OSError:
                break  # a page that is not there
            count += piece.count(needle)
            begin += len(piece) or end
print(count)
END
}

expect_match "$(counts its-own-and-no-other "$host")" '^[1-9]' "what the process may know"
expect_equal "$(counts "$secret" "$host")" 0 "copies of another instance's secret"
