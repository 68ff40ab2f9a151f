"""The approach RetailFlow replaces: one Faker row at a time, through pandas and SQLAlchemy.

Usage: original.py DATABASE ROWS, with the server in PGHOST and PGUSER. Prints rows per second, imports left out.

Each sale makes up its customer and product on the spot, is appended to a list of dicts, becomes a line of a DataFrame,
and is inserted by `to_sql` with its defaults: the way such a script is usually written, without batching tricks.
"""

import os
import random
import sys
import time
from datetime import datetime, timedelta

import pandas as pd
from faker import Faker
from sqlalchemy import create_engine

BATCH = 1_000

fake = Faker()


def sale(sale_id: int) -> dict[str, object]:
    """One sale with everything that belongs to it."""
    quantity = random.randint(1, 5)
    unit_price = round(random.uniform(5, 500), 2)
    gross = round(quantity * unit_price, 2)
    discount = round(gross * random.choice([0, 0, 0, 0.05, 0.1, 0.2]), 2)
    return {
        "sale_id": sale_id,
        "customer_id": fake.uuid4(),
        "customer_name": fake.name(),
        "customer_email": fake.email(),
        "customer_phone": fake.phone_number(),
        "address": fake.street_address(),
        "city": fake.city(),
        "state": fake.state(),
        "country": fake.country(),
        "product_id": fake.uuid4(),
        "product_name": fake.catch_phrase(),
        "category": random.choice(["Books", "Clothing", "Electronics", "Home", "Sports", "Toys"]),
        "quantity": quantity,
        "unit_price": unit_price,
        "discount": discount,
        "net_price": round(gross - discount, 2),
        "payment_method": random.choice(["card", "paypal", "transfer"]),
        "sold_at": fake.date_time_between(datetime.now() - timedelta(days=365), datetime.now()),
    }


def main(database: str, rows: int) -> None:
    """Write `rows` sales to `database`, and print how many that were per second."""
    engine = create_engine(f"postgresql+psycopg2://{os.environ['PGUSER']}@/{database}?host={os.environ['PGHOST']}")
    started = time.perf_counter()
    for first in range(0, rows, BATCH):
        sales = [sale(sale_id) for sale_id in range(first, min(first + BATCH, rows))]
        frame = pd.DataFrame(sales)
        frame.to_sql("sales", engine, schema="production", if_exists="append", index=False)
    print(rows / (time.perf_counter() - started))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
