"""Writes the page of a campaign into its root."""

from __future__ import annotations

import logging
from pathlib import Path

from components.contracts.ledger.layout import CAMPAIGN_PAGE
from components.contracts.ledger.ledger import Ledger
from components.contracts.page.render import render
from components.contracts.storage.base import Storage
from components.cycle.campaign_page.contents import contents

_TEMPLATE = Path(__file__).with_name("templates") / "campaign.html"
log = logging.getLogger("streetloop")


def write_campaign_page(ledger: Ledger, storage: Storage) -> None:
    """Write campaign.html; what goes wrong is only logged, since the next close writes it again."""
    try:
        page = render(_TEMPLATE, contents(ledger, storage))
        storage.write(CAMPAIGN_PAGE, page.encode())
    except Exception:
        log.warning("The campaign's page could not be written.", exc_info=True)
