# A channel that the server has closed counts until the client has closed it as well: who never does
# gets no more than limits.channels_per_connection.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1, "limits": {"channels_per_connection": 10}}'
daemon_start

raw <<'END'
def until_close(channel):
    while True:
        code, reader = channel.client.receive()
        if code == CHANNEL_CLOSE:
            check(reader.u32() == channel.number, "another channel was closed")
            return

def spoilt(c, number):
    """A channel that the server closes: what comes on it is no SFTP."""
    channel = c.open_session(number)
    check(channel.request("subsystem", string("sftp")), "no sftp")
    channel.data(u32(1) + b"\xff")
    until_close(channel)
    return channel

def finished(c, number):
    """A channel whose command is over."""
    channel = c.open_session(number)
    check(channel.exec("true"), "exec refused")
    until_close(channel)
    return channel

def refused(c, number):
    c.send_packet(c.open_packet(number=number))
    code, reader = c.receive()
    check(code == OPEN_FAILURE, f"a channel more than allowed: {code}")
    check(reader.u32() == number, "failure of another channel")

for end in (spoilt, finished):
    c = user()
    channels = [end(c, number) for number in range(10)]
    for number in range(100, 120):
        refused(c, number)
    # Closing makes room, for one each.
    for number, channel in enumerate(channels[:3]):
        channel.close()
        end(c, 200 + number)
        refused(c, 300)
    # A second CLOSE of the same makes none.
    channels[0].close()
    try:
        refused(c, 301)
    except Closed:
        pass
# Those who close may go on for ever.
c = user()
for number in range(100):
    finished(c, number).close()
others_are_served()
END
