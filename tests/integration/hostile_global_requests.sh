# Global requests: unknown ones get REQUEST_FAILURE, in order, or nothing if nothing is asked for;
# keep-alives are answered; after no-more-sessions a session is refused.
. "$(dirname "$0")/lib.sh"
daemon_start

raw <<'END'
c = user()
c.global_request("nonsense@example.org")
c.expect(REQUEST_FAILURE)
c.global_request("nonsense@example.org", rest=b"\xff" * 3000)
c.expect(REQUEST_FAILURE)
c.global_request("keepalive@openssh.com")
c.expect(REQUEST_SUCCESS, REQUEST_FAILURE)
for request in ("streamlocal-forward@openssh.com", "hostkeys-prove-00@openssh.com", "", "x" * 3000):
    c.global_request(request, rest=string("/run/x"))
    c.expect(REQUEST_FAILURE)
c.global_request("nonsense@example.org", want_reply=False)
for _ in range(100):
    c.global_request("nonsense@example.org")
for _ in range(100):
    c.expect(REQUEST_FAILURE)

first = c.open_session(0)
c.global_request("no-more-sessions@openssh.com", want_reply=False)
try:
    c.send_packet(c.open_packet(number=1))
    c.expect(OPEN_FAILURE)
    check(first.exec("echo still"), "the first session")
    check(first.collect()["out"] == b"still\n", "output of the first session")
except Closed:
    pass  # sshd disconnects here; RFC and extension leave it open

# A client that says no more than that it is alive, for long, and takes each answer.
c = user()
for _ in range(20000):
    c.global_request("keepalive@openssh.com")
    c.expect(REQUEST_SUCCESS)

c = user()
c.global_request("no-more-sessions@openssh.com")
c.expect(REQUEST_SUCCESS)
others_are_served()
END
