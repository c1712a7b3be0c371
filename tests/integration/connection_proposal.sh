# What a client proposes is shown to plugins before it is answered: they see what it is, take their
# time, and say no in their own words. Nobody else waits meanwhile.
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/observer" ] || skip "the build has no plugins for tests"

use_observer() # CONFIG
{
    configure "{\"plugins\": [
        {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\"},
        {\"name\": \"observer\", \"config\": $1}],
        \"chains\": {\"connection\": [\"observer\"]}}"
}

seen() # REGEX
{
    grep -oE "text=\"saw=$1.*" "$W/log"
}

use_observer '{}'
daemon_start
expect_equal "$(ssh_ -c aes128-ctr -m hmac-sha2-256 target 'echo in')" in "a login"
wait_log 'saw=disconnected'
expect_match "$(seen proposal)" 'client=SSH-2.0-OpenSSH.* strict=[01] hassh=[0-9a-f]{32} kex=.*curve25519-sha256.* ciphers=aes128-ctr' "the proposal"
expect_match "$(seen connected)" 'status=0 server=SSH-2.0-sallyport kex=[^ ]+ host_key=ssh-ed25519 cipher=aes128-ctr mac=hmac-sha2-256 compression=none' "what was agreed on"
hassh=$(seen proposal | grep -oE 'hassh=[0-9a-f]+')
expect_match "$(grep connection.established "$W/log")" "$hassh" "the log has the fingerprint"
steps=$(grep -oE 'saw=(request|proposal|connected|disconnected|status name=[a-z-]+)' "$W/log" |
    sed 's/saw=//; s/status name=//' | tr '\n' ' ')
expect_equal "$steps" "request version proposal kex kex-done connected service disconnected " "the order"

# Every client gets through, whatever the pieces that its first bytes come in.
echo ls | sftp_ target >/dev/null
expect_equal "$(plink_ 'echo in')" in "PuTTY"
raw <<'END'
c = fresh()
for byte in c.our_banner + b"\r\n":
    c.send_raw(bytes([byte]))
    time.sleep(0.002)  # slowness is the case
c.read_banner()
with c.in_one_piece():
    c.send_packet(bytes([IGNORE]) + string("x" * 100))
    c.send_packet(c.kexinit())
    first, c.held = c.held, b""
for at in range(0, len(first), 7):
    c.send_raw(first[at:at + 7])
code = c.receive_packet()[0]
check(code == KEXINIT, "in drops")

# What is no proposal ends at once, and the client hears why.
for what in (bytes([NEWKEYS]), bytes([ECDH_INIT]) + string("x" * 32), bytes([KEXINIT]) + b"short"):
    c = fresh()
    c.banner()
    c.send_packet(what)
    check(c.expect_end() is not None, f"no text after {what[:1]}")
c = fresh()
c.banner()
begin = time.monotonic()
c.send_packet(c.kexinit(kex=b",".join(b"x%d" % n for n in range(20000))))
check("too long" in (c.expect_end() or ""), "a list without end")
check(time.monotonic() - begin < 2, "a list without end takes long")
others_are_served()
END

# A plugin that takes its time holds up nobody but its client.
use_observer "{\"gate\": \"$W/gate\"}"
reload
ssh_ target 'echo slow' >"$W/out/slow" &
slow=$!
wait_for 20 "the plugin to be asked" test "$(grep -c 'saw=proposal' "$W/log")" -ge 1
raw <<'END'
import threading
waiting = [fresh() for _ in range(3)]
for c in waiting:
    c.banner()
    c.send_packet(c.kexinit())
waiting[0].close()
waiting[1].reset()
waiting[2].send_raw(b"x" * 100000)
waiting[2].wait_closed(10)
END
kill -0 "$slow" || fail "the client was not held"
touch "$W/gate"
wait "$slow"
expect_equal "$(cat "$W/out/slow")" slow "the client that was held"

# No, in the plugin's words.
use_observer '{"proposal": "deny", "text": "not with this software"}'
reload
expect_failure ssh_ -o LogLevel=INFO target true
expect_match "$(cat "$W/out/failure")" 'not with this software' "what the client is told"
wait_log 'connection.proposal_refused.*not with this software'
expect_failure plink_ true
expect_match "$(cat "$W/out/failure")" 'not with this software' "what PuTTY is told"
seen() { grep -c "saw=$1" "$W/log"; }
disconnected() { [ "$(seen disconnected)" = "$(seen connected)" ]; }
wait_for 20 "as many ends as beginnings" disconnected

# The service, too, is a plugin's to refuse; what does not exist is nobody's to grant.
use_observer '{"service_request": "deny", "text": "come back later"}'
reload
expect_failure ssh_ -o LogLevel=INFO target true
expect_match "$(cat "$W/out/failure")" 'come back later' "what the client is told of the service"
wait_log 'saw=service_request name=ssh-userauth'
use_observer '{"service_request": "allow"}'
reload
raw <<'END'
c = client()
c.send_packet(bytes([SERVICE_REQUEST]) + string("ssh-connection"))
check("not offered" in (c.expect_end() or ""), "an unknown service")
c = client()
with c.in_one_piece():  # does not wait for the answer
    c.send_packet(bytes([SERVICE_REQUEST]) + string("ssh-userauth"))
    c.send_password(USER, PASSWORD)
c.expect(SERVICE_ACCEPT)
c.expect(USERAUTH_SUCCESS)
c = client()
with c.in_one_piece():
    for _ in range(2):
        c.send_packet(bytes([SERVICE_REQUEST]) + string("ssh-userauth"))
check(c.expect_end(SERVICE_ACCEPT) is not None, "asked twice without waiting")
c = client()
c.service()
c.service()
check(c.password(USER, PASSWORD), "asked twice in turn")
END
