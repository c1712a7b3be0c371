# More than 1 MiB before authentication ends the connection, however meaningless the bytes are; less
# than that does not.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1}'
daemon_start

raw <<'END'
JUNK = bytes([IGNORE]) + string(b"x" * 30000)

def flood(c, packets):
    """True if the server closed."""
    try:
        for _ in range(packets):
            c.send_packet(JUNK)
        c.expect_end(KEXINIT, UNIMPLEMENTED)
    except Closed:
        return True
    except Silent:
        return False
    return True

c = client()
c.service()
check(flood(c, 60), "1.8 MB were taken behind the service request")
c = client()
check(flood(c, 60), "1.8 MB were taken behind the key exchange")
c = client()
c.service()
c.send_packet(c.auth_packet(USER, "none"))
c.expect(USERAUTH_FAILURE)
check(flood(c, 60), "1.8 MB were taken between requests")
c = fresh()
c.banner()
check(flood(c, 60), "1.8 MB were taken before the key exchange")

c = client()
c.service()
for _ in range(15):
    c.send_packet(JUNK)
check(c.password(USER, PASSWORD), "the password after 450 kB")
for _ in range(60):
    c.send_packet(JUNK)
channel = c.open_session()
check(channel.exec("echo in"), "exec after 1.8 MB, authenticated")
check(channel.collect()["out"] == b"in\n", "output")
others_are_served()
END
expect_equal "$(grep -c 'connection.stranger_flood' "$W/log")" 4 "connections that were cut off"
