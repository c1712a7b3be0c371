# 10 MB of binary data through a command's standard input and back, unchanged, also when the client
# ends its input early and when the command does not read it.
. "$(dirname "$0")/lib.sh"
daemon_start

random_file "$W/data" 10000000
ssh_ target cat <"$W/data" >"$W/out/data"
expect_same_file "$W/data" "$W/out/data"

expect_equal "$(ssh_ target 'wc -c' <"$W/data" | tr -d ' ')" 10000000 "bytes counted at the far end"
expect_equal "$(ssh_ target 'head -c 5' <"$W/data" | cmp -n 5 - "$W/data" && echo same)" same \
    "a command that stops reading"
expect_equal "$(ssh_ target 'echo done' <"$W/data")" done "a command that reads nothing"
