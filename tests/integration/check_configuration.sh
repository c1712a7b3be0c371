# sallyport check reports every mistake at once, with line, key and remedy; the daemon refuses the
# same file with the same words.
. "$(dirname "$0")/lib.sh"

sallyport check "$W/config.json"
cat >"$W/wrong.json" <<'END'
{
    "workers": "two",
    "lisseners": [],
    "algorithms": {"ciphers": ["aes128-ctr", "rot13"]},
    "chains": {"auth": ["nobody"]}
}
END
expect_failure sallyport check "$W/wrong.json"
said=$(cat "$W/out/failure")
expect_match "$said" 'wrong.json:2.*workers' "a wrong type, with its line"
expect_match "$said" 'wrong.json:3.*lisseners.*listeners' "an unknown key, with the likely one"
expect_match "$said" 'wrong.json:4.*rot13.*aes256-gcm' "an unknown cipher, with those there are"
expect_match "$said" 'wrong.json:5.*nobody' "an unknown instance"
expect_failure timeout 20 "$DAEMON" --config "$W/wrong.json"
expect_match "$(cat "$W/out/failure")" 'rot13' "what the daemon says"
