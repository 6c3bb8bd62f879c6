"""The messages of accounts: three parts each, the link in both bodies, nothing remote."""

import re
from datetime import UTC, datetime

import pytest
from django.template.loader import render_to_string

LINK = "https://maite.lib-rdv.example/lien/"
NAMES = [
    "account_invitation",
    "account_password_reset",
    "account_opened",
    "account_email_confirm",
    "account_email_changed",
    "account_password_changed",
    "account_mfa_added",
    "account_mfa_removed",
    "account_codes_renewed",
    "client_suspended",
    "client_opened",
    "client_resumed",
]


@pytest.mark.parametrize("name", NAMES)
def test_each_email_has_three_parts_and_nothing_remote(name: str) -> None:
    context = {"link": LINK, "until": datetime(2026, 11, 17, tzinfo=UTC), "reason": "Essai"}

    subject = render_to_string(f"emails/{name}.subject.txt", context).strip()
    text = render_to_string(f"emails/{name}.txt", context)
    html = render_to_string(f"emails/{name}.html", context)

    assert subject
    assert "\n" not in subject
    assert LINK in text
    assert f'href="{LINK}"' in html
    assert re.findall(r'(?:src|href)="(?!https://maite)', html) == []
    assert "{" not in re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL) + text
