# sallyport passwd makes hashes that auth-file takes, of every kind.
. "$(dirname "$0")/lib.sh"
for kind in yescrypt scrypt bcrypt sha512crypt; do
    hash=$(printf '%s' "$PASSWORD" | sallyport passwd --stdin --method $kind)
    expect_match "$hash" '^\$' "a $kind hash"
    add_user $kind "{\"password\": \"$hash\"}"
done
daemon_start

raw <<'END'
for kind in ("yescrypt", "scrypt", "bcrypt", "sha512crypt"):
    c = client()
    c.service()
    check(not c.password(kind, PASSWORD + "x"), f"{kind}: a wrong password was taken")
    check(c.password(kind, PASSWORD), f"{kind}: the right password was refused")
END
