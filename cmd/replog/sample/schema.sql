-- A field-service company: it looks after heating, cooling and pumps at its
-- customers' sites. Technicians make visits, use parts, and write notes.

CREATE TABLE customer (
  id           INTEGER PRIMARY KEY,
  code         TEXT NOT NULL UNIQUE,              -- C-0001
  name         TEXT NOT NULL,
  language     TEXT NOT NULL,                     -- BCP 47
  email        TEXT COLLATE NOCASE,
  phone        TEXT,
  credit_limit DECIMAL(10,2) NOT NULL DEFAULT 0 CHECK (credit_limit >= 0),
  since        DATE NOT NULL,
  active       BOOLEAN NOT NULL DEFAULT 1
);

CREATE TABLE site (
  id          INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customer(id) ON DELETE CASCADE,
  name        TEXT NOT NULL,
  street      TEXT NOT NULL,
  city        TEXT NOT NULL,
  country     TEXT NOT NULL,                      -- ISO 3166-1, two letters
  latitude    REAL,
  longitude   REAL
);
CREATE INDEX site_customer ON site(customer_id);

CREATE TABLE technician (
  id              INTEGER PRIMARY KEY,
  badge           TEXT NOT NULL UNIQUE,
  name            TEXT NOT NULL,
  hourly_rate     DECIMAL(8,2) NOT NULL,
  certified_until DATE,
  badge_photo     BLOB
);

CREATE TABLE part (
  sku        TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  unit       TEXT NOT NULL,
  price      DECIMAL(10,2) NOT NULL CHECK (price >= 0),
  weight_kg  REAL,
  supersedes TEXT REFERENCES part(sku) ON DELETE SET NULL
) WITHOUT ROWID;

CREATE TABLE stock (
  place      TEXT NOT NULL,                       -- the depot, or a van
  sku        TEXT NOT NULL REFERENCES part(sku) ON UPDATE CASCADE,
  quantity   INTEGER NOT NULL CHECK (quantity >= 0),
  counted_at DATETIME NOT NULL,
  PRIMARY KEY (place, sku)
) WITHOUT ROWID;

-- Nobody can be at two sites at once.
CREATE TABLE visit (
  id            INTEGER PRIMARY KEY,
  site_id       INTEGER NOT NULL REFERENCES site(id) ON DELETE CASCADE,
  technician_id INTEGER REFERENCES technician(id) ON DELETE SET NULL,
  planned_for   DATETIME NOT NULL,
  finished_at   DATETIME,
  status        TEXT NOT NULL DEFAULT 'planned' CHECK (status IN ('planned', 'done', 'cancelled')),
  signature     BLOB
);
CREATE UNIQUE INDEX visit_slot ON visit(technician_id, planned_for);
CREATE INDEX visit_site ON visit(site_id);

CREATE TABLE orders (
  id          INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customer(id),
  visit_id    INTEGER REFERENCES visit(id) ON DELETE SET NULL,
  placed_on   DATE NOT NULL,
  currency    TEXT NOT NULL DEFAULT 'EUR',
  total       DECIMAL(12,2) NOT NULL DEFAULT 0    -- kept by the triggers below
);
CREATE INDEX orders_customer ON orders(customer_id);
CREATE INDEX orders_visit ON orders(visit_id);

CREATE TABLE order_line (
  order_id   INTEGER NOT NULL REFERENCES orders(id) ON DELETE CASCADE,
  line       INTEGER NOT NULL,
  sku        TEXT NOT NULL REFERENCES part(sku) ON UPDATE CASCADE,
  quantity   INTEGER NOT NULL CHECK (quantity > 0),
  unit_price DECIMAL(10,2) NOT NULL,
  amount     DECIMAL(12,2) GENERATED ALWAYS AS (round(quantity * unit_price, 2)) VIRTUAL,
  PRIMARY KEY (order_id, line)
);

CREATE TRIGGER order_line_added AFTER INSERT ON order_line BEGIN
  UPDATE orders SET total = round(total + new.amount, 2) WHERE id = new.order_id;
END;
CREATE TRIGGER order_line_changed AFTER UPDATE OF quantity, unit_price ON order_line BEGIN
  UPDATE orders SET total = round(total - old.amount + new.amount, 2) WHERE id = new.order_id;
END;
CREATE TRIGGER order_line_removed AFTER DELETE ON order_line BEGIN
  UPDATE orders SET total = round(total - old.amount, 2) WHERE id = old.order_id;
END;

CREATE TABLE note (
  id         BLOB PRIMARY KEY CHECK (length(id) = 16),
  visit_id   INTEGER NOT NULL REFERENCES visit(id) ON DELETE CASCADE,
  author     INTEGER REFERENCES technician(id) ON DELETE SET NULL,
  written_at INTEGER NOT NULL,                    -- Unix time, seconds
  body       TEXT NOT NULL
) STRICT;
CREATE INDEX note_visit ON note(visit_id);

CREATE VIEW agenda AS
  SELECT visit.planned_for, technician.name AS technician, customer.name AS customer, site.city, visit.status
  FROM visit
  JOIN site ON site.id = visit.site_id
  JOIN customer ON customer.id = site.customer_id
  LEFT JOIN technician ON technician.id = visit.technician_id;
