# T45: only allow-listed environment variables of the client reach a command, whatever it sends.
. "$(dirname "$0")/lib.sh"
daemon_start

printf 'SetEnv LC_TEST=yes LD_PRELOAD=/tmp/x.so BASH_ENV=/tmp/x\n' >>"$W/ssh_config"
environment=$(ssh_ target env)
expect_match "$environment" $'(^|\n)LC_TEST=yes' "an allowed variable"
expect_match "$environment" $'(^|\n)USER=alice' "the user's name"
[[ ! $environment =~ LD_PRELOAD|BASH_ENV|ASAN_OPTIONS ]] || fail "a forbidden variable: $environment"

raw <<'END'
c = user()
channel = c.open_session()
check(channel.request("env", string("LC_OK") + string("1")), "LC_OK refused")
for name in ("LD_PRELOAD", "LC_A=B", "LC_A\nB", "LC_A\0B", "", "--split-string", "PATH"):
    channel.request("env", string(name) + string("evil"))  # whatever the answer
check(not channel.request("env", string("LC_X")), "a request cut short was accepted")
check(channel.exec("env"), "exec refused")
out = channel.collect()["out"]
check(b"LC_OK=1\n" in out, "LC_OK is missing")
check(b"evil" not in out, f"leaked: {out}")
END
