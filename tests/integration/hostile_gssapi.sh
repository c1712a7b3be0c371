# gssapi-with-mic from a stranger: FAILURE at once, with the methods there are, and no Kerberos or
# name service code has run: the worker has loaded and opened nothing for it.
. "$(dirname "$0")/lib.sh"
need strace
configure '{"workers": 1}'
# -D: the daemon stays our own child. The leak checker cannot work beside another tracer.
TRACER=(strace -D -f -e 'trace=openat,connect' -o "$W/trace")
SANITIZER_OPTIONS=detect_leaks=0 daemon_start
: >"$W/trace"

raw <<'END'
KERBEROS = bytes.fromhex("06092a864886f712010202")
c = client()
c.service()
for oids in ([KERBEROS], [], [b"\xff" * 30], [KERBEROS] * 1000):
    begin = time.monotonic()
    c.send_packet(c.auth_packet(USER, "gssapi-with-mic",
                                u32(len(oids)) + b"".join(string(oid) for oid in oids)))
    methods = c.failure_methods()
    check("password" in methods and "gssapi-with-mic" not in methods, f"methods: {methods}")
    check(time.monotonic() - begin < 2, "the answer was slow")
c.send_packet(c.auth_packet(USER, "gssapi-with-mic", u32(0xFFFFFFFF)))
try:
    c.failure_methods()
    check(c.password(USER, PASSWORD), "the password afterwards")
except Closed:
    pass
others_are_served()
END
grep -qa openat "$W/trace" || skip "strace cannot trace here"
! grep -aE 'krb5|resolv\.conf|nsswitch|/etc/hosts|gss/mech' "$W/trace" ||
    fail "files were opened for a stranger"
