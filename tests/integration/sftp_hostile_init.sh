# T64: INIT twice, with versions 0, 1, 2, 255, cut short, and requests before it.
. "$(dirname "$0")/lib.sh"
daemon_start

raw <<'END'
def ends_or_fails(s, what):
    try:
        answer, reader = s.receive()
        check(answer == sftp.STATUS, f"{what}: answer {answer}")
        reader.u32()
        check(reader.u32() != sftp.OK, f"{what}: OK")
    except (ChannelEnd, Closed):
        pass
for version in (3, 4, 6, 255, 0xFFFFFFFF):
    s = Sftp(user(), start=False)
    answered = s.init(version)
    check(3 <= answered <= min(version, 6), f"version {version}: answer {answered}")
    if answered == 3:
        check(s.is_alive(), f"version {version}")
for version in (0, 1, 2):
    s = Sftp(user(), start=False)
    s.packet(sftp.INIT, u32(version))
    try:
        answer, reader = s.receive()
        check(answer in (sftp.VERSION, sftp.STATUS), f"version {version}: answer {answer}")
    except (ChannelEnd, Closed):
        pass
s = Sftp(user())
s.packet(sftp.INIT, u32(3))
ends_or_fails(s, "INIT twice")
for code, body in ((sftp.REALPATH, string(".")), (sftp.OPENDIR, string("/")), (sftp.VERSION, u32(3))):
    s = Sftp(user(), start=False)
    s.packet(code, u32(1) + body)
    ends_or_fails(s, f"request {code} before INIT")
s = Sftp(user(), start=False)
s.packet(sftp.INIT, b"\0\0")
ends_or_fails(s, "INIT cut short")
s = Sftp(user(), start=False)
check(s.init(3, string("nonsense@example.org") + string("\xff" * 100)) == 3, "extensions in INIT")
check(s.is_alive(), "after extensions in INIT")
others_are_served()
END
