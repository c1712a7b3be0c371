# After limits.auth_tries failures the client is told why and disconnected.
. "$(dirname "$0")/lib.sh"
configure '{"limits": {"auth_tries": 3}}'
daemon_start

raw <<'END'
c = client()
c.service()
for attempt in range(2):
    check(not c.password(USER, "wrong"), "a wrong password was taken")
c.send_password(USER, "wrong")
text = c.expect_end(USERAUTH_FAILURE)
check(text, "no DISCONNECT with a reason")

# none does not count: a client asks it to learn the methods.
c = client()
c.service()
c.send_packet(c.auth_packet(USER, "none"))
methods = c.failure_methods()
check("password" in methods and "publickey" in methods, f"methods: {methods}")
for attempt in range(2):
    check(not c.password(USER, "wrong"), "a wrong password was taken")
check(c.password(USER, PASSWORD), "the right password was refused")
others_are_served()
END
