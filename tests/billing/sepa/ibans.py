"""French accounts with right keys, computed without a library."""


def french_iban(bank: str, branch: str, account: str, *, key: str = "") -> str:
    """Return the IBAN of a French account of figures; ``key`` replaces the right key of the account."""
    rib = key or f"{97 - (89 * int(bank) + 15 * int(branch) + 3 * int(account)) % 97:02d}"
    bban = bank + branch + account + rib
    check = 98 - int(f"{bban}152700") % 97
    return f"FR{check:02d}{bban}"
