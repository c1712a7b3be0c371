# T42: data, requests and EOF after EOF or CLOSE are ignored or end the connection, never acted upon;
# so are packets for channels that never were.
. "$(dirname "$0")/lib.sh"
daemon_start

raw <<'END'
late = {
    "data": lambda ch: ch.data(b"late\n"),
    "extended data": lambda ch: ch.send(EXTENDED_DATA, u32(1) + string("late")),
    "request": lambda ch: ch.send(CHANNEL_REQUEST, string("exec") + boolean(True)
                                  + string("touch reached")),
    "adjust": lambda ch: ch.adjust(1000),
    "eof": lambda ch: ch.eof(),
    "close": lambda ch: ch.close(),
}
for name, send in late.items():
    c = user()
    channel = c.open_session()
    check(channel.exec("cat"), "exec refused")
    channel.eof()
    try:
        send(channel)
        out = channel.collect()["out"]
        check(b"late" not in out, f"{name} after EOF reached the command")
        channel.close()
        send(channel)
        c.send_packet(bytes([CHANNEL_DATA]) + u32(4711) + string("nobody's"))
    except Closed:
        pass
    c = user()
    channel = c.open_session()
    try:
        channel.close()
        send(channel)
        send(channel)
    except Closed:
        pass
others_are_served()
END
[ -z "$(find "$W" -name reached)" ] || fail "a request after EOF was acted upon"
