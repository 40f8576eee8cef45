"""The rooms that stand behind every front door: each is a noun with its verbs. Opens them, no more.

Threads get the rooms themselves; tasks get the same rooms awaited, whose types are generated.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from tollkeeper.operations.books import Books
from tollkeeper.operations.calls import Desk
from tollkeeper.operations.catalogs import Catalogs
from tollkeeper.operations.charges import Charges
from tollkeeper.operations.charging import Charging
from tollkeeper.operations.credits import Credits
from tollkeeper.operations.customers import Customers
from tollkeeper.operations.entitlements import Entitlements
from tollkeeper.operations.jobs import Agenda, Jobs
from tollkeeper.operations.limits import Limits
from tollkeeper.operations.model_calls import ModelCalls
from tollkeeper.operations.notices import Notices
from tollkeeper.operations.promotions import Promotions
from tollkeeper.operations.subscriptions import Subscriptions
from tollkeeper.operations.usage import Usage
from tollkeeper.operations.wallet import Wallet

if TYPE_CHECKING:
    from tollkeeper.awaited.books import AsyncBooks
    from tollkeeper.awaited.catalogs import AsyncCatalogs
    from tollkeeper.awaited.charges import AsyncCharges
    from tollkeeper.awaited.charging import AsyncCharging
    from tollkeeper.awaited.credits import AsyncCredits
    from tollkeeper.awaited.customers import AsyncCustomers
    from tollkeeper.awaited.entitlements import AsyncEntitlements
    from tollkeeper.awaited.jobs import AsyncJobs
    from tollkeeper.awaited.limits import AsyncLimits
    from tollkeeper.awaited.model_calls import AsyncModelCalls
    from tollkeeper.awaited.notices import AsyncNotices
    from tollkeeper.awaited.promotions import AsyncPromotions
    from tollkeeper.awaited.subscriptions import AsyncSubscriptions
    from tollkeeper.awaited.usage import AsyncUsage
    from tollkeeper.awaited.wallet import AsyncWallet

#: Opens a room for tasks, given what makes it over a desk.
Open = Callable[[Callable[[Desk], object]], Any]


class Rooms:
    """Every room, for threads."""

    def __init__(self, desk: Desk, agenda: Agenda | None = None) -> None:
        self.credits = Credits(desk)
        self.wallet = Wallet(desk)
        self.usage = Usage(desk)
        self.customers = Customers(desk)
        self.books = Books(desk)
        self.jobs = Jobs(desk, agenda)
        self.notices = Notices(desk)
        self.entitlements = Entitlements(desk)
        self.catalog = Catalogs(desk)
        self.model_calls = ModelCalls(desk)
        self.limits = Limits(desk)
        self.subscriptions = Subscriptions(desk)
        self.promotions = Promotions(desk)
        self.charges = Charges(desk)
        charging = Charging(desk)
        self.charge, self.try_charge = charging.charge, charging.try_charge
        self.charge_many = charging.charge_many
        self.check, self.explain = charging.check, charging.explain


class AwaitedRooms:
    """The same rooms, for tasks."""

    credits: "AsyncCredits"
    wallet: "AsyncWallet"
    usage: "AsyncUsage"
    customers: "AsyncCustomers"
    books: "AsyncBooks"
    jobs: "AsyncJobs"
    notices: "AsyncNotices"
    entitlements: "AsyncEntitlements"
    catalog: "AsyncCatalogs"
    model_calls: "AsyncModelCalls"
    limits: "AsyncLimits"
    subscriptions: "AsyncSubscriptions"
    promotions: "AsyncPromotions"
    charges: "AsyncCharges"

    def __init__(self, open_room: Open, agenda: Agenda | None = None) -> None:
        for name, room in _ROOMS.items():
            setattr(self, name, open_room(room))
        self.jobs = open_room(lambda desk: Jobs(desk, agenda))
        charging: AsyncCharging = open_room(Charging)
        self.charge, self.try_charge = charging.charge, charging.try_charge
        self.charge_many = charging.charge_many
        self.check, self.explain = charging.check, charging.explain


#: What makes each room but that of jobs.
_ROOMS: Final[dict[str, Callable[[Desk], object]]] = {
    "credits": Credits,
    "wallet": Wallet,
    "usage": Usage,
    "customers": Customers,
    "books": Books,
    "notices": Notices,
    "entitlements": Entitlements,
    "catalog": Catalogs,
    "model_calls": ModelCalls,
    "limits": Limits,
    "subscriptions": Subscriptions,
    "promotions": Promotions,
    "charges": Charges,
}
