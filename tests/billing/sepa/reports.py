"""Reports of an invented bank, in old and new versions of the messages."""


def message(name: str, version: str, body: str) -> bytes:
    """Return a message: ``name`` as "camt.054", ``version`` as "08", body with its root element."""
    namespace = f"urn:iso:std:iso:20022:tech:xsd:{name}.001.{version}"
    return f'<?xml version="1.0"?><Document xmlns="{namespace}">{body}</Document>'.encode()


def status_report(version: str, group: str = "", batches: str = "") -> bytes:
    """Return a pain.002 about the file LOT-1."""
    head = "<GrpHdr><MsgId>BANK-7</MsgId></GrpHdr>"
    original = f"<OrgnlGrpInfAndSts><OrgnlMsgId>LOT-1</OrgnlMsgId>{group}</OrgnlGrpInfAndSts>"
    body = f"<CstmrPmtStsRpt>{head}{original}{batches}</CstmrPmtStsRpt>"
    return message("pain.002", version, body)


def reason(code: str) -> str:
    """Return the reason of a refusal."""
    return f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>"


def refused_transaction(reference: str, *, code: str = "", status: str = "RJCT") -> str:
    """Return a line of a pain.002."""
    return (
        f"<TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxSts>{status}</TxSts>"
        f"{reason(code) if code else ''}"
        '<OrgnlTxRef><Amt><InstdAmt Ccy="EUR">34.80</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>'
    )


def batch(transactions: str, *, status: str = "", code: str = "") -> str:
    """Return a group of a pain.002."""
    state = f"<PmtInfSts>{status}</PmtInfSts>" if status else ""
    return (
        "<OrgnlPmtInfAndSts><OrgnlPmtInfId>LOT-1-001</OrgnlPmtInfId>"
        f"{state}{reason(code) if code else ''}{transactions}</OrgnlPmtInfAndSts>"
    )


def booked(
    amount: str, direction: str, details: str, *, is_old: bool = False, state: str = "BOOK"
) -> str:
    """Return an entry of an account; before version .04 its state is plain text."""
    written = state if is_old else f"<Cd>{state}</Cd>"
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts>{written}</Sts>'
        f"<BookgDt><Dt>2026-12-28</Dt></BookgDt><NtryDtls>{details}</NtryDtls></Ntry>"
    )


def transaction(reference: str, *, code: str = "", amount: str = "", is_old: bool = False) -> str:
    """Return the details of an entry."""
    figure = f'<Amt Ccy="EUR">{amount}</Amt>'
    own = f"<AmtDtls><TxAmt>{figure}</TxAmt></AmtDtls>" if is_old else figure
    back = f"<RtrInf><Rsn><Cd>{code}</Cd></Rsn></RtrInf>" if code else ""
    return (
        f"<TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs>"
        f"{own if amount else ''}{back}</TxDtls>"
    )


def account_report(name: str, version: str, *entries: str) -> bytes:
    """Return a camt.053 or camt.054 with entries."""
    root, inner = {
        "camt.053": ("BkToCstmrStmt", "Stmt"),
        "camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
    }[name]
    head = "<GrpHdr><MsgId>BANK-8</MsgId></GrpHdr>"
    body = f"<{root}>{head}<{inner}>{''.join(entries)}</{inner}></{root}>"
    return message(name, version, body)
