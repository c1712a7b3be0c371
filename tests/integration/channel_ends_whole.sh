# A channel's last bytes, EOF, exit status and CLOSE arrive although much output was waiting; a
# client that reads late gets all of it. So does the DISCONNECT of a connection.
. "$(dirname "$0")/lib.sh"
daemon_start

raw <<'END'
# Whatever the socket holds, for some of these sizes the last bytes are stuck before it when the
# command ends: that is where an EOF or a CLOSE gets lost.
sizes = range(0, 6000000, 100000)
late = []
for size in sizes:
    c = user(receive_buffer=4096)
    channel = c.open_session(window=20000000)
    check(channel.exec(f"head -c {size} /dev/zero; echo end"), "exec refused")
    late.append((size, channel))
time.sleep(1)  # a late reader is the case: all buffers on the way are full
for size, channel in late:
    result = channel.collect(30, adjust=False)
    check(len(result["out"]) == size + 4, f"{len(result['out'])} bytes of {size + 4}")
    check(result["out"].endswith(b"end\n"), "output is cut")
    check(result["eof"] and result["status"] == 0, f"ending of {size} bytes: {result['status']}")
END

configure '{"timeouts": {"idle_ms": 1000}}'
reload
raw <<'END'
# The client reads nothing until the idle timer has ended the connection: the socket is full then,
# and the DISCONNECT has to wait behind what was sent before.
c = user(receive_buffer=4096)
channel = c.open_session(window=50000000)
check(channel.exec("head -c 50000000 /dev/zero"), "exec refused")
time.sleep(2)  # more than the idle time: a late reader is the case
got, text = 0, None
try:
    while True:
        code, reader = c.receive()
        check(code == CHANNEL_DATA and reader.u32() == 0, f"server sent {code}")
        got += len(reader.string())
except Closed as closed:
    text = closed.text
check(0 < got < 50000000, f"{got} bytes before the DISCONNECT: the socket was not full")
check(text and "idle" in text, f"reason: {text!r}")
END
