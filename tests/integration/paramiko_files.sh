# paramiko: put with its stat after closing, get, listdir_attr, rename, posix_rename, truncate,
# utime, a file opened for reading and writing.
# isolated: too
. "$(dirname "$0")/lib.sh"
daemon_start

random_file "$W/data" 3000000
PYTHONPATH=$TESTS/support "$PYTHON" - "$W" <<'END'
import sys
from hostile import check
from paramiko_client import sftp_client
work = sys.argv[1]
with sftp_client() as sftp:
    sftp.put(work + "/data", "data", confirm=True)
    sftp.get("data", work + "/out/data")
    sftp.mkdir("d")
    for name in ("a", "b"):
        with sftp.open("d/" + name, "w") as file:
            file.write(name * 10)
    check(sorted(a.filename for a in sftp.listdir_attr("d")) == ["a", "b"], "listing")
    try:
        sftp.rename("d/a", "d/b")
        check(False, "version 3's rename replaced a file")
    except IOError:
        pass
    sftp.posix_rename("d/a", "d/b")
    with sftp.open("d/b", "r+") as file:
        check(file.read(3) == b"aaa", "content after posix_rename")
        file.seek(1)
        file.write("XY")
        file.truncate(4)
    sftp.utime("d/b", (1000, 2000))
    attributes = sftp.stat("d/b")
    check(attributes.st_size == 4 and attributes.st_mtime == 2000, f"attributes: {attributes!r}")
    with sftp.open("d/b") as file:
        check(file.read() == b"aXYa", "content after writing in the middle")
END
expect_same_file "$W/data" "$W/out/data"
