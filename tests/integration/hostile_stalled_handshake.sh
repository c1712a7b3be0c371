# A client that stops in the middle of the key exchange, at each of its steps, is disconnected after
# timeouts.handshake_ms; a reset at each step harms nobody.
. "$(dirname "$0")/lib.sh"
configure '{"timeouts": {"handshake_ms": 2000}}'
daemon_start

raw <<'END'
def stop_after(step):
    c = fresh()
    if step >= 1:
        c.banner()
    if step == 2:
        c.send_packet(c.kexinit())
    if step == 3:
        c.send_raw(c.kexinit()[:9])
    if step == 4:
        c.send_raw(u32(1000) + b"\x04" + b"x" * 500)
    if step == 5:
        c.kex(until_keys=False)
    return c
stalled = [stop_after(step) for step in range(6)]
for step in range(6):
    stop_after(step).reset()
others_are_served()
begin = time.monotonic()
for step, c in enumerate(stalled):
    try:
        c.wait_closed(10)
    except Silent:
        check(False, f"still connected after step {step}")
check(time.monotonic() - begin < 10, "took too long")
others_are_served()
END
