"""The page of an invoice as PDF, with its XML attached: Factur-X, PDF/A-3a and PDF/UA-1 in one file (F-18).

``billing.drawing`` makes the file. What Factur-X adds to its metadata is written here, into the packet that is
there: a second list of schemas would make it invalid. The generator of ``factur-x`` is not used, because it writes
the wall clock and loses the mark of PDF/UA.
"""

import io

from pypdf import PdfWriter
from pypdf.generic import StreamObject

from billing.drawing import DrawingFailed, draw_document
from billing.invoicing.page import page
from billing.invoicing.snapshot import InvoiceSnapshot

TEMPLATE = "invoice"
XML_NAME = "factur-x.xml"
NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_PROPERTIES = {
    "DocumentFileName": ("The name of the embedded XML document", XML_NAME),
    "DocumentType": ("The type of the hybrid document in capital letters", "INVOICE"),
    "Version": ("The version of the standard of the embedded XML document", "1.0"),
    "ConformanceLevel": ("The conformance level of the embedded XML document", "EN 16931"),
}
_PROPERTY = (
    '<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
    "<pdfaProperty:valueType>Text</pdfaProperty:valueType>"
    "<pdfaProperty:category>external</pdfaProperty:category>"
    "<pdfaProperty:description>{description}</pdfaProperty:description></rdf:li>"
)
_SCHEMA = (
    '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema'
    "</pdfaSchema:schema><pdfaSchema:namespaceURI>{namespace}</pdfaSchema:namespaceURI>"
    "<pdfaSchema:prefix>fx</pdfaSchema:prefix>"
    "<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property></rdf:li>"
)
_VALUES = '<rdf:Description rdf:about="" xmlns:fx="{namespace}">{values}</rdf:Description>'
_END_OF_SCHEMAS, _END_OF_PACKET = "</rdf:Bag></pdfaExtension:schemas>", "</rdf:RDF>"


def draw_factur_x(snapshot: InvoiceSnapshot, xml: bytes) -> bytes:
    """Return the PDF of an invoice with its XML. Raises DrawingFailed."""
    drawn = draw_document(TEMPLATE, page(snapshot), on=snapshot.issued_on, attachment=xml)
    writer = PdfWriter(clone_from=io.BytesIO(drawn))
    # pypdf would write 1.3.
    writer.pdf_header = "%PDF-1.7"
    metadata = writer.root_object["/Metadata"]
    if not isinstance(metadata, StreamObject):
        raise DrawingFailed("no metadata")
    metadata.set_data(_declare(metadata.get_data().decode()).encode())
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def draw_preview(snapshot: InvoiceSnapshot) -> bytes:
    """Return the PDF of a draft: no number, no XML, "Brouillon" across the page. Raises DrawingFailed."""
    return draw_document(TEMPLATE, page(snapshot), on=snapshot.issued_on)


def _declare(packet: str) -> str:
    """Return an XMP packet with the properties of Factur-X and their schema."""
    ends = (_END_OF_SCHEMAS, _END_OF_PACKET)
    if NAMESPACE in packet or any(packet.count(end) != 1 for end in ends):
        raise DrawingFailed("unknown form of the metadata")
    schema = _SCHEMA.format(
        namespace=NAMESPACE,
        properties="".join(
            _PROPERTY.format(name=name, description=description)
            for name, (description, _value) in _PROPERTIES.items()
        ),
    )
    values = "".join(
        f"<fx:{name}>{value}</fx:{name}>" for name, (_text, value) in _PROPERTIES.items()
    )
    declared = _VALUES.format(namespace=NAMESPACE, values=values)
    packet = packet.replace(_END_OF_SCHEMAS, schema + _END_OF_SCHEMAS)
    return packet.replace(_END_OF_PACKET, declared + _END_OF_PACKET)
