# keyboard-interactive against a plugin that asks twice: rounds are numbered 0, 1, 2 anew in each
# dialogue; answers that nobody asked for, too few or too many, and dialogues that are left count as
# tries; whatever else is asked for in between ends the dialogue.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1, "limits": {"auth_tries": 3},
    "plugins": [{"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
                {"name": "questions", "plugin": "asks-twice"}],
    "chains": {"auth": ["questions", "users"], "channel": []},
    "mounts": [],
    "auth_methods": ["password", "keyboard-interactive"]}'
daemon_start

raw <<'END'
def ready():
    c = client()
    c.service()
    return c

def send_begin(c):
    c.send_packet(c.auth_packet(USER, "keyboard-interactive", string("") + string("")))

def send_answers(c, *answers, count=None):
    c.send_packet(bytes([USERAUTH_INFO_RESPONSE]) + u32(len(answers) if count is None else count)
                  + b"".join(string(answer) for answer in answers))

def expect_question(c, position, prompts):
    reader = c.expect(USERAUTH_INFO_REQUEST)
    check(reader.string() == b"questions", "the title")
    text = reader.string().decode()
    check(text == position, f"asked at {text!r}, expected {position!r}")
    reader.string()
    check(reader.u32() == prompts, "the number of prompts")

def begin(c, attempt=1):
    send_begin(c)
    expect_question(c, f"round 0 attempt {attempt}", 1)

def second_question(c, attempt=1):
    begin(c, attempt)
    send_answers(c, "one")
    expect_question(c, f"round 1 attempt {attempt}", 2)

def expect_cut_off(c, name):
    """The third try was the last."""
    text = c.expect_end(USERAUTH_FAILURE)
    check(text and "too many" in text, f"{name}: reason {text!r}")

# As it should be, also after a dialogue that failed.
c = ready()
second_question(c)
send_answers(c, "two", "three")
c.expect(USERAUTH_SUCCESS)
c = ready()
begin(c)
send_answers(c, "wrong")
c.failure_methods()
second_question(c, attempt=2)
send_answers(c, "two", "wrong")
c.failure_methods()
second_question(c, attempt=3)
send_answers(c, "two", "three")
c.expect(USERAUTH_SUCCESS)

def refused(c):
    """False if that was the end: the library tolerates no answers where it knows of no question."""
    try:
        c.failure_methods(seconds=10)
        return True
    except Closed:
        return False

# Answers without a question: at once, after a failure, and after the dialogue is over.
c = ready()
send_answers(c, "one")
refused(c)
c = ready()
c.send_packet(c.auth_packet(USER, "none"))
c.failure_methods()
for _ in range(3):
    send_answers(c, "two", "three")
    if not refused(c):
        break
else:
    c.expect_end()
c = ready()
begin(c)
send_answers(c, "wrong")
c.failure_methods()
send_answers(c, "one")
if refused(c):
    begin(c, attempt=3)
    send_answers(c, "wrong")
    expect_cut_off(c, "answers after the end")

# Too few, too many, counts that are absurd: the dialogue is over, right answers come too late.
for wrong in (lambda c: send_answers(c), lambda c: send_answers(c, "one", "one"),
              lambda c: send_answers(c, *["one"] * 33), lambda c: send_answers(c, "one", count=0),
              lambda c: send_answers(c, "one", count=0x40000000),
              lambda c: send_answers(c, "one", count=0xFFFFFFFF)):
    c = ready()
    begin(c)
    wrong(c)
    if refused(c):
        send_answers(c, "one")
        refused(c)
for wrong in (lambda c: send_answers(c, "two"), lambda c: send_answers(c, "two", "three", "")):
    c = ready()
    second_question(c)
    wrong(c)
    c.failure_methods()
    second_question(c, attempt=2)
    send_answers(c, "two", "three")
    c.expect(USERAUTH_SUCCESS)

# Dialogues that are left, for another one or for anything else.
c = ready()
begin(c)
begin(c, attempt=2)
second_question(c, attempt=3)
send_answers(c, "wrong", "wrong")
expect_cut_off(c, "dialogues that were left")
c = ready()
begin(c)
c.send_packet(c.auth_packet(USER, "none"))  # counts: it is not the client's first request
c.failure_methods()
begin(c, attempt=3)
c.send_password(USER, "wrong")
expect_cut_off(c, "dialogues left for a password")
c = ready()
begin(c)
c.send_packet(c.auth_packet(USER, "none"))
c.failure_methods()
send_answers(c, "one")
refused(c)
c = ready()
second_question(c)
check(c.password(USER, PASSWORD), "a password in the middle of a dialogue")

# Without waiting for the questions: whatever is made of it, wrong answers let nobody in.
for answers in ((("one",), ("two", "three")), (("one",), ("wrong", "wrong")), ((), ("one", "two")),
                (("two", "three"), ("one",))):
    for gap in (0, 4100):
        c = ready()
        with c.in_one_piece():
            send_begin(c)
            for answer in answers:
                c.send_packet(bytes([IGNORE]) + string(b"x" * gap))
                send_answers(c, *answer)
        allowed = [USERAUTH_INFO_REQUEST, USERAUTH_FAILURE]
        if answers == (("one",), ("two", "three")):
            allowed.append(USERAUTH_SUCCESS)
        try:
            for _ in range(3):
                c.expect(*allowed, seconds=10)
        except Closed:
            pass
END
expect_no_log 'plugin\.(failed|deadline|bad_reply)'
