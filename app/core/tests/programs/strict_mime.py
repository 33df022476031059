"""Reads a mail from its input, as strictly as Python's own parser can: the smallest defect ends it.

Writes the mail again from what was understood, which has to give the same bytes, and prints what it found as JSON.
With `--many`, the input is any number of mails, each behind a line with its length in bytes.
"""

import email
import email.generator
import email.policy
import hashlib
import io
import json
import sys

STRICT = email.policy.SMTP.clone(raise_on_defect=True, refold_source="none")


def check(raw):
    if any(byte > 127 for byte in raw):
        raise ValueError("not ASCII")
    lines = raw.split(b"\r\n")
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise ValueError("a bare line end")
    if max(map(len, lines)) > 998:
        raise ValueError("a line of more than 998 bytes")


def written_again(mail):
    again = io.BytesIO()
    email.generator.BytesGenerator(again, mangle_from_=False, policy=STRICT).flatten(mail)
    return again.getvalue()


def addresses(part, name):
    value = part[name]
    return [[found.display_name, found.addr_spec] for found in value.addresses] if value else []


def describe(part):
    found = {"type": part.get_content_type(), "name": part.get_filename()}
    if not part.is_multipart():
        content = part.get_payload(decode=True)
        found["size"] = len(content)
        found["sha256"] = hashlib.sha256(content).hexdigest()
    for _, value in part.items():
        if getattr(value, "defects", None):
            raise ValueError(f"{value.name}: {value.defects}")
    return found


def examine(raw):
    check(raw)
    mail = email.message_from_bytes(raw, policy=STRICT)
    parts = [describe(part) for part in mail.walk()]
    again = written_again(mail)
    if again != raw:
        at = next((n for n, (a, b) in enumerate(zip(again, raw)) if a != b), min(len(again), len(raw)))
        raise ValueError(f"not the same again at {at}: {raw[at - 40:at + 40]} became {again[at - 40:at + 40]}")
    found = {"subject": mail["Subject"], "from": addresses(mail, "From"), "to": addresses(mail, "To")}
    print(json.dumps({**found, "cc": addresses(mail, "Cc"), "parts": parts}))


def main():
    if sys.argv[1:] != ["--many"]:
        return examine(sys.stdin.buffer.read())
    for length in iter(sys.stdin.buffer.readline, b""):
        raw = sys.stdin.buffer.read(int(length))
        try:
            examine(raw)
        except Exception as error:
            raise ValueError(f"this mail: {raw.decode(errors='replace')}") from error


main()
