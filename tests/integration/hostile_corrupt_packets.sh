# T04: one bit flipped on the way, in the text or the MAC: the connection ends and nothing of the
# packet is acted upon.
. "$(dirname "$0")/lib.sh"
daemon_start

raw <<'END'
import os
for position in (20, 40, -1):
    c = user()
    channel = c.open_session()
    real, c.send_raw = c.send_raw, None
    def flip(data, send=real, at=position):
        damaged = bytearray(data)
        damaged[at] ^= 4
        send(bytes(damaged))
    c.send_raw = flip
    channel.send(CHANNEL_REQUEST, string("exec") + boolean(True) + string("touch reached"))
    c.send_raw = real
    c.expect_end()
others_are_served()
END
[ -z "$(find "$W" -name reached)" ] || fail "a damaged packet was acted upon"
