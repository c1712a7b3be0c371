# T22: every allocation and every call that verifies a signature fails in turn while somebody logs in,
# by every method, rightly and wrongly: who is wrong never gets in, and the daemon goes on.
# seconds: 240
. "$(dirname "$0")/lib.sh"
DAEMON=$SALLYPORT_BUILD_PLUGINS/sallyportd_failing
[ -x "$DAEMON" ] || skip "the daemon with failing calls was not built"
for name in ca stranger user revoked; do
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$W/$name"
done
ssh-keygen -q -t rsa -b 2048 -N '' -C '' -f "$W/rsa"
certify() # NAME OPTIONS...
{
    local name=$1
    shift
    cp "$W/user.pub" "$W/$name.pub"
    ssh-keygen -q -s "$W/ca" -I "$name" -n alice "$@" "$W/$name.pub"
}
certify good
certify expired -V 20200101:20210101
certify elsewhere -O source-address=192.0.2.1
cp "$W/revoked.pub" "$W/revoked_keys"
configure '{"workers": 1, "pool_threads": 1, "log": {"level": "info"}, "timeouts": {"login_ms": 5000},
    "user_certificates": {"authorities": ["'"$W"'/ca.pub"], "revoked_keys": "'"$W"'/revoked_keys"},
    "auth_require": [["publickey"], ["password"], ["keyboard-interactive", "password"]],
    "plugins": [{"name": "all", "plugin": "judge",
                 "config": {"keys": true, "secret": "right", "old_secret": "stale", "permit": 2047, "attribute": "x"}}],
    "chains": {"auth": ["all"], "channel": []}, "mounts": []}'
SANITIZER_OPTIONS=detect_leaks=0 # libssh loses some memory when there is none
export SALLYPORT_FAIL_AT=$W/fail_at
: >"$W/fail_at"
daemon_start
cat >"$W/failing.py" <<'END'
from rawauth import *
W = os.environ["W"]
SUCCESS = USERAUTH_SUCCESS
USER_KEY, RSA, STRANGER, REVOKED = (Key(f"{W}/{name}") for name in ("user", "rsa", "stranger", "revoked"))
GOOD, EXPIRED, ELSEWHERE = (Key(W + "/user", f"{W}/{name}-cert.pub")
                            for name in ("good", "expired", "elsewhere"))

serial = 0

def run(act, kind, number):
    """(the code or None, whether the failure came about)"""
    global serial
    serial += 1
    with open(W + "/fail_at.new", "w", encoding="ascii") as file:
        file.write(f"{serial} {kind} {number}")
    os.rename(W + "/fail_at.new", W + "/fail_at")
    code, login = None, None
    while not login:
        try:
            login = Login(PORT, USER)
        except (Closed, AssertionError, ValueError):
            pass  # what was to fail in the last run failed only now
    try:
        code = act(login)
    except (Closed, AssertionError, ValueError):
        pass  # libssh sends what it could not encrypt: a packet that is none
    login.close()
    with open(W + "/log", encoding="utf-8", errors="replace") as file:
        file.seek(max(0, os.path.getsize(W + "/log") - 20000))
        return code, f"failing: hit {serial}\n" in file.read()

def each(act, kind):
    """The codes of all runs, until one in which nothing failed."""
    codes, number, quiet = [], 0, 0
    while quiet < 2:
        number += 1
        code, was_hit = run(act, kind, number)
        codes.append(code)
        quiet = 0 if was_hit else quiet + 1
        check(number < 2000, "no end of failing calls")
    return codes
END
W=$W raw <<'END'
exec(open(os.environ["W"] + "/failing.py", encoding="utf-8").read())

def first(code, then):
    return then() if code == USERAUTH_INFO_REQUEST else code

RIGHT = {
    "a password": lambda l: l.password("right"),
    "a key": lambda l: first(l.offer(USER_KEY), lambda: l.prove(USER_KEY)),
    "an RSA key": lambda l: l.prove(RSA),
    "a certificate": lambda l: l.prove(GOOD),
    "answers, then a password": lambda l: (first(l.ask(), lambda: l.respond("right")), l.password("right"))[1],
    "a new password": lambda l: first(l.password("stale"), lambda: l.change("stale", "long enough")),
}
WRONG = {
    "a password": lambda l: l.password("wrong"),
    "an empty password": lambda l: l.password(""),
    "another's signature": lambda l: first(l.offer(USER_KEY), lambda: l.prove(USER_KEY, signer=STRANGER)),
    "an RSA signature of zeros": lambda l: l.prove(RSA, signature=string("rsa-sha2-512") + string(bytes(256))),
    "a key that is only offered": lambda l: l.offer(USER_KEY),
    "a revoked key": lambda l: l.prove(REVOKED),
    "an expired certificate": lambda l: l.prove(EXPIRED),
    "a certificate for elsewhere": lambda l: l.prove(ELSEWHERE),
    "another's certificate": lambda l: l.prove(GOOD, signer=STRANGER),
    "a wrong answer": lambda l: first(l.ask(), lambda: l.respond("wrong")),
    "half of the factors": lambda l: first(l.ask(), lambda: l.respond("right")),
    "a new password, unasked": lambda l: l.change("stale", "long enough"),
    "none": lambda l: l.none(),
}
total = 0
for what, act in WRONG.items():
    for kind in "aivV":
        codes = each(act, kind)
        total += len(codes) - 2
        check(SUCCESS not in codes, f"{what} got in as call {kind} {codes.index(SUCCESS) + 1 if SUCCESS in codes else 0} failed")
for what, act in RIGHT.items():
    for kind in "aivV":
        codes = each(act, kind)
        total += len(codes) - 2
        check(codes[-1] == SUCCESS, f"{what}: {codes[-1]} in the end")
        if kind != "a":  # there, some failures can be made good
            check(SUCCESS not in codes[:-2], f"{what} got in though a verification failed ({kind})")
print(total, "failures")
check(total > 300, f"only {total} calls failed")
END

# One key is one factor, even if it cannot be told that it has counted before.
daemon_stop
configure '{"auth_require": [["publickey", "publickey"]]}'
: >"$W/fail_at"
daemon_start
W=$W raw <<'END'
exec(open(os.environ["W"] + "/failing.py", encoding="utf-8").read())

codes = each(lambda l: (l.prove(USER_KEY), l.prove(USER_KEY))[1], "a")
check(SUCCESS not in codes, "a key counted twice as an allocation failed")
check(len(codes) > 20, f"only {len(codes)} calls failed")
codes = each(lambda l: (l.prove(USER_KEY), l.prove(RSA))[1], "a")
check(codes[-1] == SUCCESS, f"two keys: {codes[-1]} in the end")
END
