# A key and then a one-time code: both are needed, and no code is right twice, in whichever worker.
. "$(dirname "$0")/lib.sh"
need oathtool
mkdir -m 700 "$W/totp"
configure "{\"plugins\": [
        {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"totp\", \"plugin\": \"auth-totp\", \"config\": {\"directory\": \"$W/totp\"}},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\", \"config\": {\"shell\": \"/bin/sh\"}}],
    \"chains\": {\"auth\": [\"users\", \"totp\"]},
    \"auth_methods\": [\"publickey\", \"keyboard-interactive\"],
    \"auth_require\": [[\"publickey\", \"totp\"]]}"
add_user bob # not enrolled

expect_match "$(sallyport totp enrol alice --config "$W/config.json" --issuer Test)" 'otpauth://totp/Test:alice\?secret=' \
    "what enrolment prints"
expect_failure sallyport totp enrol alice --config "$W/config.json"
expect_equal "$(sallyport totp list --directory "$W/totp")" alice "who is enrolled"
daemon_start

cat >"$W/askpass" <<'END'
#!/bin/sh
cat "$CODE_FILE"
END
chmod 700 "$W/askpass"
with_code() # CODE USER METHODS
{
    echo "$1" >"$W/code"
    CODE_FILE=$W/code SSH_ASKPASS=$W/askpass SSH_ASKPASS_REQUIRE=force setsid ssh -F "$W/ssh_config" -o BatchMode=no \
        -o NumberOfPasswordPrompts=1 -o PreferredAuthentications="$3" "$2@target" 'echo in' </dev/null
}
code() # SECONDS FROM NOW
{
    oathtool --totp -b --now "now + $1 seconds" \
        "$(sed -n 's/.*"secret": "\([A-Z2-7]*\)".*/\1/p' "$W/totp/alice.json")"
}

both=publickey,keyboard-interactive
first=$(code 0)
expect_failure with_code "$first" alice keyboard-interactive
expect_failure with_code "$first" alice publickey
expect_failure with_code 000000x alice $both
expect_failure with_code "$first" bob $both
next=$(code 30)
expect_equal "$(with_code "$next" alice $both)" in "a key and a code"
expect_failure with_code "$next" alice $both
expect_no_log "$next"
expect_no_log "$(sed -n 's/.*"secret": "\([A-Z2-7]*\)".*/\1/p' "$W/totp/alice.json")"
wait_log 'auth.denied.*user=alice.*used before'
