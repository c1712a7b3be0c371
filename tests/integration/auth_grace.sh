# Who has not authenticated when timeouts.login_ms has passed is disconnected; who has, stays.
. "$(dirname "$0")/lib.sh"
configure '{"timeouts": {"login_ms": 1500}}'
daemon_start

raw <<'END'
polite = user()
begin = time.monotonic()
silent = client()
silent.service()
silent.expect_end()
took = time.monotonic() - begin
check(1.0 < took < 10, f"disconnected after {took:.1f} s")
channel = polite.open_session()
check(channel.exec("echo still"), "exec refused")
check(channel.collect()["out"] == b"still\n", "an authenticated client was cut off")
END
