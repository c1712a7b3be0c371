# T20, T21: messages that only a server sends, and everything of the connection protocol, before
# authentication (also right behind an auth packet): disconnect, no plugin is called.
. "$(dirname "$0")/lib.sh"
daemon_start

raw <<'END'
def open_and_exec():
    return [bytes([CHANNEL_OPEN]) + string("session") + u32(0) + u32(1 << 20) + u32(32768),
            bytes([CHANNEL_REQUEST]) + u32(0) + string("exec") + boolean(True) + string("id")]
cases = {
    "USERAUTH_SUCCESS": [bytes([USERAUTH_SUCCESS])],
    "USERAUTH_FAILURE": [bytes([USERAUTH_FAILURE]) + string("password") + boolean(False)],
    "USERAUTH_BANNER": [bytes([USERAUTH_BANNER]) + string("x") + string("")],
    "PK_OK": [bytes([USERAUTH_PK_OK]) + string("ssh-ed25519") + string("x")],
    "INFO_RESPONSE": [bytes([61]) + u32(0)],
    "SERVICE_ACCEPT": [bytes([SERVICE_ACCEPT]) + string("ssh-userauth")],
    "CHANNEL_OPEN": open_and_exec()[:1],
    "CHANNEL_REQUEST": open_and_exec()[1:],
    "GLOBAL_REQUEST": [bytes([GLOBAL_REQUEST]) + string("tcpip-forward") + boolean(True)
                       + string("127.0.0.1") + u32(0)],
    "CHANNEL_DATA": [bytes([CHANNEL_DATA]) + u32(0) + string("x")],
    "SUCCESS and a command": [bytes([USERAUTH_SUCCESS])] + open_and_exec(),
}
tolerated = (UNIMPLEMENTED, USERAUTH_FAILURE, SERVICE_ACCEPT)
for stage in ("after the keys", "after the service", "behind a wrong password"):
    for name, packets in cases.items():
        c = client()
        if stage != "after the keys":
            c.service()
        try:
            if stage == "behind a wrong password":
                c.send_password(USER, "wrong")
            for packet in packets:
                c.send_packet(packet)
            # An implementation may ignore the message, but must not be moved by it.
            for packet in open_and_exec():
                c.send_packet(packet)
            c.expect_end(*tolerated)
        except Closed:
            pass
        except Silent:
            check(False, f"{name} {stage}: still connected")
others_are_served()
END
expect_no_log 'channel\.(open|request|exec).*user=(-|"")'
