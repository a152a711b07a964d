-- The database as it is today. A new install gets it as it stands here. The
-- invariants of the product are constraints and triggers, so that they hold
-- against every path, also against a SQL shell (any stock sqlite3 from 3.40 on).
--
-- Conventions. Every table is STRICT. Times are UTC seconds. `clinic` is the
-- tenant, and stands first in every index that serves a list. `test` = 1 marks
-- the rows of test keys, which never meet live ones (booking.md §1.5a).
-- `change` is the clinic's change number of the row's last write. Syncs walk it,
-- so that equal seconds and clocks that go back skip nothing. `version` is the
-- ETag. Triggers use RAISE(ABORT) only: anything stronger would end the whole
-- group commit, of which the failed write is one member.

PRAGMA application_id = 0x51420001; -- "QB", so that the file of another program is recognised at once

-- ---------------------------------------------------------------- the clinic

CREATE TABLE clinics (
  n          INTEGER PRIMARY KEY,   -- the tenant in every other table: short, never shown
  id         TEXT NOT NULL UNIQUE,  -- UUIDv7, the organization_id of the wire
  slug       TEXT NOT NULL UNIQUE,  -- for the shell: --clinic SLUG
  name       TEXT NOT NULL,
  time_zone  TEXT NOT NULL,         -- IANA
  country    TEXT NOT NULL,         -- ISO 3166 alpha-2: reads phone numbers typed without +
  settings   TEXT NOT NULL,         -- JSON, settingsDoc in store/documents.go
  version    INTEGER NOT NULL,
  change     INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

-- The running numbers of a clinic. They have a table of their own, because every
-- write moves them.
CREATE TABLE counters (
  clinic     INTEGER PRIMARY KEY REFERENCES clinics(n),
  change     INTEGER NOT NULL, -- last change number given
  event      INTEGER NOT NULL, -- last event seq given
  audit      INTEGER NOT NULL, -- last audit seq given
  mrn        INTEGER NOT NULL, -- last medical record number made
  stamp      INTEGER NOT NULL, -- latest updated_at given; it never goes back with the clock, since a sync would then miss changes
  audit_hash TEXT NOT NULL     -- hash of the audit row with that seq; '' before the first
) STRICT;

CREATE TABLE locations (
  id         INTEGER PRIMARY KEY AUTOINCREMENT, -- as patients.id
  clinic     INTEGER NOT NULL REFERENCES clinics(n),
  name       TEXT NOT NULL,
  kind       TEXT NOT NULL CHECK (kind IN ('clinic', 'room', 'virtual')), -- only a room is a resource
  parent_id  INTEGER REFERENCES locations(id),
  address    TEXT NOT NULL, -- JSON
  phone      TEXT NOT NULL,
  time_zone  TEXT NOT NULL, -- '' = the clinic's
  capacity   INTEGER NOT NULL, -- descriptive: a room takes one booking at a time
  active     INTEGER NOT NULL,
  version    INTEGER NOT NULL,
  change     INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  updated_by TEXT NOT NULL
) STRICT;
CREATE INDEX locations_list ON locations (clinic, created_at, id);

CREATE TABLE providers (
  id              INTEGER PRIMARY KEY AUTOINCREMENT, -- as patients.id
  clinic          INTEGER NOT NULL REFERENCES clinics(n),
  display_name    TEXT NOT NULL,
  credentials     TEXT NOT NULL,
  specialty       TEXT NOT NULL,
  registration_no TEXT NOT NULL,
  email           TEXT NOT NULL,
  phone           TEXT NOT NULL,
  active          INTEGER NOT NULL,
  bookable_online INTEGER NOT NULL, -- 0 = only by callers with appointments:override
  colour          TEXT NOT NULL,
  weight          INTEGER NOT NULL CHECK (weight > 0), -- share of the work in assignment; 100 = one full share
  priority        INTEGER NOT NULL, -- lower goes first in assignment
  buffer_before   INTEGER NOT NULL, -- minutes; the larger of service and provider wins per side
  buffer_after    INTEGER NOT NULL,
  daily_cap       INTEGER NOT NULL, -- live appointments by local start date; 0 = none
  assigned_at     INTEGER NOT NULL, -- last automatic assignment, for "least recently assigned"
  version         INTEGER NOT NULL,
  change          INTEGER NOT NULL,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL,
  created_by      TEXT NOT NULL,
  updated_by      TEXT NOT NULL
) STRICT;
CREATE INDEX providers_list ON providers (clinic, created_at, id);

CREATE TABLE services (
  id                 INTEGER PRIMARY KEY AUTOINCREMENT, -- as patients.id
  clinic             INTEGER NOT NULL REFERENCES clinics(n),
  name               TEXT NOT NULL,
  duration_minutes   INTEGER NOT NULL CHECK (duration_minutes BETWEEN 1 AND 1439),
  buffer_before      INTEGER NOT NULL, -- minutes
  buffer_after       INTEGER NOT NULL,
  step               INTEGER NOT NULL, -- minutes; 0 = the clinic's
  align              TEXT NOT NULL CHECK (align IN ('start', 'clock', 'pack')),
  location_kind      TEXT NOT NULL CHECK (location_kind IN ('', 'clinic', 'room', 'virtual')), -- '' = any
  min_notice         INTEGER NOT NULL, -- minutes; -1 = the clinic's
  horizon_days       INTEGER NOT NULL, -- -1 = the clinic's
  daily_cap          INTEGER NOT NULL, -- 0 = none
  auto_confirm       INTEGER NOT NULL,
  intake_campaign_id TEXT,
  active             INTEGER NOT NULL,
  version            INTEGER NOT NULL,
  change             INTEGER NOT NULL,
  created_at         INTEGER NOT NULL,
  updated_at         INTEGER NOT NULL,
  created_by         TEXT NOT NULL,
  updated_by         TEXT NOT NULL
) STRICT;
CREATE INDEX services_list ON services (clinic, created_at, id);

-- Where a provider works, in order of preference.
CREATE TABLE provider_locations (
  provider_id INTEGER NOT NULL REFERENCES providers(id),
  location_id INTEGER NOT NULL REFERENCES locations(id),
  position    INTEGER NOT NULL,
  PRIMARY KEY (provider_id, location_id)
) STRICT, WITHOUT ROWID;

-- Who offers a service. A service without a row is offered by every provider.
CREATE TABLE service_providers (
  service_id  INTEGER NOT NULL REFERENCES services(id),
  provider_id INTEGER NOT NULL REFERENCES providers(id),
  PRIMARY KEY (service_id, provider_id)
) STRICT, WITHOUT ROWID;

-- Opening hours of the clinic ('c'), a location ('l1'), a provider ('p1') or a
-- service ('s1'). No row = not set: such an owner restricts nothing.
CREATE TABLE schedules (
  clinic     INTEGER NOT NULL REFERENCES clinics(n),
  owner      TEXT NOT NULL,
  doc        TEXT NOT NULL, -- JSON, scheduleDoc in store/documents.go: weekly, breaks, overrides
  version    INTEGER NOT NULL,
  change     INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  updated_by TEXT NOT NULL,
  PRIMARY KEY (clinic, owner)
) STRICT;

-- Closures of the clinic or a location, time off of a provider: either instants
-- (starts_at, ends_at) or local dates (from_date to to_date, both included).
CREATE TABLE closures (
  id         TEXT PRIMARY KEY NOT NULL,
  clinic     INTEGER NOT NULL REFERENCES clinics(n),
  owner      TEXT NOT NULL, -- as in schedules
  starts_at  INTEGER,
  ends_at    INTEGER,
  from_date  TEXT,
  to_date    TEXT,
  reason     TEXT NOT NULL,
  change     INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  CHECK ((starts_at IS NULL) = (ends_at IS NULL)),
  CHECK ((from_date IS NULL) = (to_date IS NULL)),
  CHECK ((starts_at IS NULL) <> (from_date IS NULL)),
  CHECK (starts_at IS NULL OR ends_at > starts_at),
  CHECK (from_date IS NULL OR to_date >= from_date)
) STRICT;
CREATE INDEX closures_owner ON closures (clinic, owner, created_at, id);

-- ---------------------------------------------------------------- people

CREATE TABLE leads (
  id          TEXT PRIMARY KEY NOT NULL,
  clinic      INTEGER NOT NULL REFERENCES clinics(n),
  test        INTEGER NOT NULL,
  source      TEXT NOT NULL,
  external_id TEXT,
  name        TEXT NOT NULL,
  first_name  TEXT NOT NULL,
  last_name   TEXT NOT NULL,
  name_key    TEXT NOT NULL, -- folded name, for matching and search
  email       TEXT NOT NULL,
  email_key   TEXT NOT NULL, -- case-folded
  phone       TEXT NOT NULL, -- as typed
  phone_key   TEXT NOT NULL, -- E.164
  status      TEXT NOT NULL CHECK (status IN ('new', 'in_interview', 'contacted', 'qualified',
                'needs_review', 'booked', 'converted', 'disqualified', 'lost')),
  notes       TEXT NOT NULL,
  tags        TEXT NOT NULL, -- JSON array
  metadata    TEXT NOT NULL, -- JSON object
  consent     TEXT NOT NULL, -- JSON object
  patient_id  INTEGER REFERENCES patients(id),
  version     INTEGER NOT NULL,
  change      INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  created_by  TEXT NOT NULL,
  updated_by  TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX leads_external ON leads (clinic, test, source, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX leads_list ON leads (clinic, test, created_at, id);
CREATE INDEX leads_change ON leads (clinic, test, change);
CREATE INDEX leads_email ON leads (clinic, test, email_key) WHERE email_key <> '';
CREATE INDEX leads_phone ON leads (clinic, test, phone_key) WHERE phone_key <> '';
CREATE INDEX leads_name ON leads (clinic, test, name_key) WHERE name_key <> '';

CREATE TABLE patients (
  id                 INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: no patient is deleted, and a restore skips the numbers given since the backup
  clinic             INTEGER NOT NULL REFERENCES clinics(n),
  test               INTEGER NOT NULL,
  mrn                TEXT NOT NULL CHECK (mrn <> ''), -- the number that people read out
  mrn_key            TEXT NOT NULL, -- folded
  given_name         TEXT NOT NULL CHECK (given_name <> ''),
  family_name        TEXT NOT NULL CHECK (family_name <> ''),
  preferred_name     TEXT NOT NULL,
  birth_date         TEXT,          -- YYYY-MM-DD
  sex                TEXT NOT NULL CHECK (sex IN ('male', 'female', 'other', 'unknown')),
  phones             TEXT NOT NULL, -- JSON array of {number, e164, label}
  email              TEXT NOT NULL,
  email_key          TEXT NOT NULL,
  address            TEXT NOT NULL, -- JSON
  language           TEXT NOT NULL, -- BCP 47; '' = not said
  contact_preference TEXT NOT NULL CHECK (contact_preference IN ('', 'email', 'sms', 'phone', 'post', 'none')),
  consents           TEXT NOT NULL, -- JSON {email_reminders, sms_reminders, marketing: {granted, at, source}}
  emergency_contact  TEXT NOT NULL, -- JSON {name, relationship, phone}
  identifiers        TEXT NOT NULL, -- JSON array of {system, value}
  allergies_text     TEXT NOT NULL,
  admin_notes        TEXT NOT NULL,
  source_lead_id     TEXT,
  status             TEXT NOT NULL CHECK (status IN ('active', 'inactive', 'merged', 'deceased')),
  merged_into        INTEGER REFERENCES patients(id), -- the record that stands for this one
  filled             TEXT NOT NULL, -- JSON {field: id of the merged patient whose value it is}: blanks that merges have filled
  restricted         INTEGER NOT NULL, -- kept, but not used: no search, no change, no booking
  erased_at          INTEGER,       -- pseudonymised since
  version            INTEGER NOT NULL,
  change             INTEGER NOT NULL,
  created_at         INTEGER NOT NULL,
  updated_at         INTEGER NOT NULL,
  created_by         TEXT NOT NULL,
  updated_by         TEXT NOT NULL,
  CHECK ((status = 'merged') = (merged_into IS NOT NULL)),
  CHECK (merged_into <> id)
) STRICT;
CREATE UNIQUE INDEX patients_mrn ON patients (clinic, test, mrn_key);
CREATE INDEX patients_list ON patients (clinic, test, created_at, id);
CREATE INDEX patients_change ON patients (clinic, test, change);
CREATE INDEX patients_merged ON patients (merged_into, id) WHERE merged_into IS NOT NULL;

-- The keys by which a patient is found. A search compares the beginning of a key,
-- a check for duplicates the whole key (Patient.Keys). 'n:' is a name, 'm:' the
-- MRN, 'e:' the e-mail, 'p:' a phone in E.164, 'i:' an identifier, 'b:' birth date
-- and family name. The given name stands beside the key, so that somebody of the
-- same first name is found among thousands who share a phone.
CREATE TABLE patient_keys (
  clinic     INTEGER NOT NULL,
  test       INTEGER NOT NULL,
  key        TEXT NOT NULL,
  given      TEXT NOT NULL, -- folded
  patient_id INTEGER NOT NULL REFERENCES patients(id),
  PRIMARY KEY (clinic, test, key, given, patient_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX patient_keys_patient ON patient_keys (patient_id);

-- Merges of patients form a tree. patients.merged_into points to the survivor; a
-- row here is the history of one merge.
CREATE TABLE merges (
  id          TEXT PRIMARY KEY NOT NULL,
  clinic      INTEGER NOT NULL REFERENCES clinics(n),
  test        INTEGER NOT NULL,
  loser_id    INTEGER NOT NULL REFERENCES patients(id),
  survivor_id INTEGER NOT NULL REFERENCES patients(id),
  status      TEXT NOT NULL, -- the loser's before
  merged_at   INTEGER NOT NULL,
  merged_by   TEXT NOT NULL,
  unmerged_at INTEGER,
  unmerged_by TEXT
) STRICT;
CREATE UNIQUE INDEX merges_open ON merges (loser_id) WHERE unmerged_at IS NULL;
CREATE INDEX merges_survivor ON merges (survivor_id, merged_at, id);
CREATE INDEX merges_loser ON merges (loser_id, merged_at, id);

-- The patient to whom a row belonged before a merge moved it to the survivor. With
-- it unmerging is exact, in any order. Rows of patients who were never merged into
-- another have no entry here.
CREATE TABLE merged_rows (
  tbl        TEXT NOT NULL,
  row_id     TEXT NOT NULL,
  patient_id INTEGER NOT NULL REFERENCES patients(id), -- the owner
  PRIMARY KEY (tbl, row_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX merged_rows_owner ON merged_rows (patient_id);

-- Who was erased. By it a restored backup erases them again. The time of creation
-- tells the person from another who got the same number in a restored file.
CREATE TABLE erasures (
  id         TEXT PRIMARY KEY NOT NULL,
  clinic     INTEGER NOT NULL REFERENCES clinics(n),
  test       INTEGER NOT NULL,
  patient_id INTEGER REFERENCES patients(id), -- NULL for a lead alone
  created_at INTEGER NOT NULL, -- of the patient; 0 for a lead alone
  lead_ids   TEXT NOT NULL,    -- JSON array: the leads that were deleted
  erased_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX erasures_list ON erasures (clinic, erased_at, id);
CREATE TRIGGER erasures_no_update BEFORE UPDATE ON erasures
BEGIN SELECT RAISE(ABORT, 'erasures are append-only'); END;
CREATE TRIGGER erasures_no_delete BEFORE DELETE ON erasures
BEGIN SELECT RAISE(ABORT, 'erasures are append-only'); END;
CREATE TRIGGER patients_no_delete BEFORE DELETE ON patients
BEGIN SELECT RAISE(ABORT, 'a patient cannot be deleted, only erased'); END;
-- Merges never form a circle: the survivor of a merge was not merged into its
-- loser. Both are of one clinic, and both are live or both are test records.
CREATE TRIGGER patients_no_circle BEFORE UPDATE OF merged_into ON patients
WHEN new.merged_into IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a patient can only be merged into a patient of the same clinic, both live or both test')
   WHERE NOT EXISTS (SELECT 1 FROM patients WHERE id = new.merged_into AND clinic = new.clinic AND test = new.test);
  SELECT RAISE(ABORT, 'merges must not form a circle') WHERE EXISTS (
    WITH RECURSIVE up(id) AS (SELECT new.merged_into UNION SELECT p.merged_into FROM patients p, up WHERE p.id = up.id AND p.merged_into IS NOT NULL)
    SELECT 1 FROM up WHERE id = new.id);
END;

-- ---------------------------------------------------------------- the calendar

CREATE TABLE appointments (
  id                  TEXT PRIMARY KEY NOT NULL,
  clinic              INTEGER NOT NULL REFERENCES clinics(n),
  test                INTEGER NOT NULL,
  lead_id             TEXT REFERENCES leads(id) ON DELETE SET NULL,
  patient_id          INTEGER REFERENCES patients(id),
  provider_id         INTEGER NOT NULL REFERENCES providers(id),
  location_id         INTEGER REFERENCES locations(id),
  service_id          INTEGER REFERENCES services(id),
  title               TEXT NOT NULL,
  notes               TEXT NOT NULL,
  -- Here and in other tables that every booking writes: OR, because SQLite builds an
  -- index of an IN list's texts anew for every row that it checks.
  status              TEXT NOT NULL CHECK (status = 'scheduled' OR status = 'confirmed' OR status = 'completed'
                        OR status = 'cancelled' OR status = 'no_show'),
  starts_at           INTEGER NOT NULL,
  ends_at             INTEGER NOT NULL CHECK (ends_at > starts_at),
  time_zone           TEXT NOT NULL, -- the zone it was booked in
  local_date          TEXT NOT NULL, -- its start's date there: what daily caps count
  checked_in_at       INTEGER,
  cancellation_reason TEXT NOT NULL,
  late_cancel         INTEGER NOT NULL,
  source              TEXT NOT NULL,
  series_id           TEXT,
  rebooked_from       TEXT,
  assigned            TEXT NOT NULL, -- why this provider ("least booked: 120 min vs 180"); '' = asked for
  override            TEXT NOT NULL, -- JSON {overlap, hours, reason}; '' = none
  undo                TEXT NOT NULL, -- JSON of the state before the last transition; '' = nothing to undo
  sequence            INTEGER NOT NULL, -- iCalendar SEQUENCE
  version             INTEGER NOT NULL,
  change              INTEGER NOT NULL,
  created_at          INTEGER NOT NULL,
  updated_at          INTEGER NOT NULL,
  created_by          TEXT NOT NULL,
  updated_by          TEXT NOT NULL
) STRICT;
CREATE INDEX appointments_list ON appointments (clinic, test, created_at, id);
CREATE INDEX appointments_change ON appointments (clinic, test, change);
CREATE INDEX appointments_start ON appointments (clinic, test, starts_at);
CREATE INDEX appointments_provider ON appointments (provider_id, test, starts_at);
CREATE INDEX appointments_service ON appointments (service_id, test, starts_at) WHERE service_id IS NOT NULL;
CREATE INDEX appointments_lead ON appointments (lead_id, starts_at) WHERE lead_id IS NOT NULL;
CREATE INDEX appointments_patient ON appointments (patient_id, starts_at) WHERE patient_id IS NOT NULL;

-- A hold keeps a slot for some minutes. The reservation itself is its row in
-- occupancy.
CREATE TABLE holds (
  id          TEXT PRIMARY KEY NOT NULL,
  clinic      INTEGER NOT NULL REFERENCES clinics(n),
  test        INTEGER NOT NULL,
  caller      TEXT NOT NULL, -- the caller whose limit of open holds it counts against
  token_hash  TEXT NOT NULL, -- SHA-256, hex
  provider_id INTEGER NOT NULL REFERENCES providers(id),
  location_id INTEGER REFERENCES locations(id),
  service_id  INTEGER REFERENCES services(id),
  starts_at   INTEGER NOT NULL,
  ends_at     INTEGER NOT NULL CHECK (ends_at > starts_at),
  expires_at  INTEGER NOT NULL, -- of a used hold: when it was booked
  used        INTEGER NOT NULL CHECK (used IN (0, 1)), -- booked
  created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX holds_caller ON holds (clinic, caller, expires_at);

-- The times at which a provider ('p1') or a room ('l1') is occupied. [s, e) is the
-- footprint: the appointment with its buffers (booking.md §1.2). The two triggers
-- below hold the invariant of booking: no two live rows of one resource overlap,
-- except for overrides.
CREATE TABLE occupancy (
  id             INTEGER PRIMARY KEY,
  clinic         INTEGER NOT NULL REFERENCES clinics(n),
  resource       TEXT NOT NULL CHECK (resource GLOB '[pl][0-9]*'),
  test           INTEGER NOT NULL,
  s              INTEGER NOT NULL,
  e              INTEGER NOT NULL,
  appointment_id TEXT REFERENCES appointments(id),
  hold_id        TEXT REFERENCES holds(id) ON DELETE CASCADE,
  expires_at     INTEGER, -- holds only: from then on free for readers; deleted by the next write
  live           INTEGER NOT NULL CHECK (live IN (0, 1)),
  override       INTEGER NOT NULL CHECK (override IN (0, 1)), -- skips its own check, never another's
  CHECK (e > s AND e - s <= 86400),
  CHECK ((appointment_id IS NULL) <> (hold_id IS NULL)),
  CHECK ((hold_id IS NULL) = (expires_at IS NULL))
) STRICT;
CREATE INDEX occupancy_live ON occupancy (resource, test, s, e, expires_at) WHERE live = 1; -- expires_at so that a load needs no row
CREATE INDEX occupancy_override ON occupancy (resource, test, s, e) WHERE live = 1 AND override = 1;
CREATE INDEX occupancy_appointment ON occupancy (appointment_id) WHERE appointment_id IS NOT NULL;
CREATE INDEX occupancy_hold ON occupancy (hold_id) WHERE hold_id IS NOT NULL;
CREATE INDEX occupancy_expiry ON occupancy (resource, test, expires_at) WHERE expires_at IS NOT NULL;

-- Rows without an override never overlap one another. So if any of them overlaps
-- [s, e), then the last one that begins before e does: the check is one step back
-- in the index, however full the day is. Overrides may overlap anything. They are
-- few, and none is longer than a day, so a bounded range of the index finds them.
CREATE TRIGGER occupancy_no_overlap_insert BEFORE INSERT ON occupancy
WHEN new.live = 1 AND new.override = 0
BEGIN
  SELECT RAISE(ABORT, 'slot taken') WHERE new.s < (
    SELECT e FROM occupancy WHERE live = 1 AND override = 0 AND resource = new.resource AND test = new.test
      AND s < new.e ORDER BY s DESC LIMIT 1)
  OR EXISTS (
    SELECT 1 FROM occupancy WHERE live = 1 AND override = 1 AND resource = new.resource AND test = new.test
      AND s > new.s - 86400 AND s < new.e AND e > new.s);
END;

-- Fires only when the row could newly collide. So an appointment beside a legal
-- override can still be confirmed.
CREATE TRIGGER occupancy_no_overlap_update BEFORE UPDATE ON occupancy
WHEN new.live = 1 AND new.override = 0
 AND (old.live = 0 OR old.override = 1
   OR new.resource <> old.resource OR new.test <> old.test OR new.s <> old.s OR new.e <> old.e)
BEGIN
  SELECT RAISE(ABORT, 'slot taken') WHERE new.s < (
    SELECT e FROM occupancy WHERE live = 1 AND override = 0 AND resource = new.resource AND test = new.test
      AND s < new.e AND id <> old.id ORDER BY s DESC LIMIT 1)
  OR EXISTS (
    SELECT 1 FROM occupancy WHERE live = 1 AND override = 1 AND resource = new.resource AND test = new.test
      AND s > new.s - 86400 AND s < new.e AND e > new.s AND id <> old.id);
END;

-- ---------------------------------------------------------------- the visit

-- A visit as the clinician records it (FHIR Encounter). Merging patients changes
-- patient_id here. Notes and prescriptions refer to the consultation only, so that
-- a merge touches no signed row.
CREATE TABLE consultations (
  id             TEXT PRIMARY KEY NOT NULL,
  clinic         INTEGER NOT NULL REFERENCES clinics(n),
  test           INTEGER NOT NULL,
  appointment_id TEXT REFERENCES appointments(id), -- NULL = without one
  patient_id     INTEGER NOT NULL REFERENCES patients(id),
  provider_id    INTEGER NOT NULL REFERENCES providers(id),
  location_id    INTEGER REFERENCES locations(id),
  mode           TEXT NOT NULL CHECK (mode IN ('in_person', 'video', 'phone')),
  reason         TEXT NOT NULL, -- why the patient came
  status         TEXT NOT NULL CHECK (status IN ('in_progress', 'ended', 'entered_in_error')),
  started_at     INTEGER NOT NULL,
  ended_at       INTEGER,
  version        INTEGER NOT NULL,
  change         INTEGER NOT NULL,
  created_at     INTEGER NOT NULL,
  updated_at     INTEGER NOT NULL,
  created_by     TEXT NOT NULL,
  updated_by     TEXT NOT NULL,
  CHECK (status <> 'in_progress' OR ended_at IS NULL),
  CHECK (status <> 'ended' OR ended_at IS NOT NULL),
  CHECK (ended_at IS NULL OR ended_at >= started_at)
) STRICT;
-- An appointment has one consultation. One that was entered in error does not count.
CREATE UNIQUE INDEX consultations_appointment ON consultations (appointment_id)
  WHERE appointment_id IS NOT NULL AND status <> 'entered_in_error';
CREATE INDEX consultations_list ON consultations (clinic, test, created_at, id);
CREATE INDEX consultations_patient ON consultations (patient_id, created_at, id);
CREATE INDEX consultations_provider ON consultations (provider_id, created_at, id);
CREATE INDEX consultations_any ON consultations (appointment_id) WHERE appointment_id IS NOT NULL;

-- Everything that belongs to a visit is of one clinic, and all of it is live or all
-- of it is test.
CREATE TRIGGER consultations_home_insert BEFORE INSERT ON consultations
WHEN NOT EXISTS (SELECT 1 FROM patients WHERE id = new.patient_id AND clinic = new.clinic AND test = new.test)
  OR NOT EXISTS (SELECT 1 FROM providers WHERE id = new.provider_id AND clinic = new.clinic)
  OR new.location_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM locations WHERE id = new.location_id AND clinic = new.clinic)
  OR new.appointment_id IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM appointments WHERE id = new.appointment_id AND clinic = new.clinic AND test = new.test)
BEGIN SELECT RAISE(ABORT, 'a consultation can only refer to rows of its own clinic'); END;
CREATE TRIGGER consultations_home_update BEFORE UPDATE OF clinic, test, patient_id, provider_id, location_id, appointment_id ON consultations
WHEN new.clinic <> old.clinic OR new.test <> old.test
  OR new.patient_id <> old.patient_id
     AND NOT EXISTS (SELECT 1 FROM patients WHERE id = new.patient_id AND clinic = new.clinic AND test = new.test)
  OR new.provider_id <> old.provider_id
     AND NOT EXISTS (SELECT 1 FROM providers WHERE id = new.provider_id AND clinic = new.clinic)
  OR new.location_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM locations WHERE id = new.location_id AND clinic = new.clinic)
  OR new.appointment_id IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM appointments WHERE id = new.appointment_id AND clinic = new.clinic AND test = new.test)
BEGIN SELECT RAISE(ABORT, 'a consultation can only refer to rows of its own clinic'); END;

-- A consultation that is over stays as it was. Only a merge of patients and
-- "entered in error" change it.
CREATE TRIGGER consultations_over BEFORE UPDATE ON consultations
WHEN old.status <> 'in_progress'
 AND (new.status NOT IN (old.status, 'entered_in_error') OR new.id <> old.id OR new.clinic <> old.clinic
   OR new.appointment_id IS NOT old.appointment_id OR new.provider_id <> old.provider_id
   OR new.location_id IS NOT old.location_id OR new.mode <> old.mode OR new.reason <> old.reason
   OR new.started_at <> old.started_at OR new.ended_at IS NOT old.ended_at)
BEGIN SELECT RAISE(ABORT, 'a consultation that has ended cannot be changed'); END;
CREATE TRIGGER consultations_keep BEFORE DELETE ON consultations
WHEN EXISTS (SELECT 1 FROM notes WHERE consultation_id = old.id AND status <> 'draft')
BEGIN SELECT RAISE(ABORT, 'this consultation has signed notes'); END;
-- REPLACE deletes without firing the triggers of DELETE.
CREATE TRIGGER consultations_no_replace BEFORE INSERT ON consultations
WHEN EXISTS (SELECT 1 FROM consultations WHERE id = new.id)
BEGIN SELECT RAISE(ABORT, 'this consultation exists already already'); END;

-- SOAP notes, one row for each version. A draft is edited in place. Once signed, a
-- row refuses every UPDATE and DELETE. A new version is a new row that points back
-- to the one before (records.md §3).
CREATE TABLE notes (
  id              TEXT PRIMARY KEY NOT NULL, -- of this version
  note_id         TEXT NOT NULL,             -- the note, the same in all its versions: the id of the wire
  n               INTEGER NOT NULL CHECK (n >= 1),
  supersedes      TEXT REFERENCES notes(id), -- the version before; NULL for the first
  clinic          INTEGER NOT NULL REFERENCES clinics(n),
  test            INTEGER NOT NULL,
  consultation_id TEXT NOT NULL REFERENCES consultations(id),
  author_id       INTEGER NOT NULL REFERENCES providers(id), -- of this version
  addendum_to     TEXT,                      -- note_id of the signed note that this one adds to
  subjective      TEXT NOT NULL CHECK (length(CAST(subjective AS BLOB)) <= 65536),
  objective       TEXT NOT NULL CHECK (length(CAST(objective AS BLOB)) <= 65536),
  assessment      TEXT NOT NULL CHECK (length(CAST(assessment AS BLOB)) <= 65536),
  plan            TEXT NOT NULL CHECK (length(CAST(plan AS BLOB)) <= 65536),
  codes           TEXT NOT NULL, -- JSON array of {system, code, display}
  vitals          TEXT NOT NULL, -- JSON array of {code, value, unit}
  status          TEXT NOT NULL CHECK (status IN ('draft', 'signed', 'amended', 'entered_in_error')),
  signed_by       INTEGER REFERENCES providers(id),
  signed_at       INTEGER,
  amend_reason    TEXT NOT NULL, -- why this version supersedes the one before; '' for the first
  content_sha256  TEXT NOT NULL, -- Note.Digest; '' until signed
  version         INTEGER NOT NULL, -- continues through all versions: the ETag of the note
  change          INTEGER NOT NULL,
  created_at      INTEGER NOT NULL, -- of the note, in every version
  updated_at      INTEGER NOT NULL,
  created_by      TEXT NOT NULL,
  updated_by      TEXT NOT NULL,
  CHECK ((n = 1) = (supersedes IS NULL)),
  CHECK ((signed_by IS NULL) = (signed_at IS NULL)),
  CHECK ((signed_at IS NULL) = (content_sha256 = '')),
  CHECK (status <> 'draft' OR n = 1 AND signed_at IS NULL),
  CHECK (status <> 'signed' OR n = 1 AND signed_at IS NOT NULL),
  CHECK (status <> 'amended' OR n > 1),
  CHECK (n = 1 OR signed_at IS NOT NULL AND amend_reason <> '') -- later versions are inserted signed, with a reason
) STRICT;
CREATE UNIQUE INDEX notes_version ON notes (note_id, n);
CREATE UNIQUE INDEX notes_supersedes ON notes (supersedes) WHERE supersedes IS NOT NULL;
CREATE INDEX notes_list ON notes (clinic, test, created_at, note_id);
CREATE INDEX notes_consultation ON notes (consultation_id, created_at, note_id);
CREATE INDEX notes_author ON notes (author_id);
CREATE INDEX notes_addenda ON notes (addendum_to) WHERE addendum_to IS NOT NULL;

CREATE TRIGGER notes_signed_no_update BEFORE UPDATE ON notes
WHEN old.status <> 'draft'
BEGIN SELECT RAISE(ABORT, 'a signed note cannot be changed: amend it'); END;
CREATE TRIGGER notes_signed_no_delete BEFORE DELETE ON notes
WHEN old.status <> 'draft'
BEGIN SELECT RAISE(ABORT, 'a signed note cannot be deleted'); END;
-- A draft stays in its note and consultation. Under a consultation that is over its
-- content cannot change: it can only be signed, or marked as entered in error.
CREATE TRIGGER notes_draft_place BEFORE UPDATE ON notes
WHEN new.id <> old.id OR new.note_id <> old.note_id OR new.n <> old.n OR new.supersedes IS NOT old.supersedes
  OR new.clinic <> old.clinic OR new.test <> old.test OR new.consultation_id <> old.consultation_id
BEGIN SELECT RAISE(ABORT, 'the place of a note cannot be changed'); END;
CREATE TRIGGER notes_draft_over BEFORE UPDATE ON notes
WHEN (new.subjective <> old.subjective OR new.objective <> old.objective OR new.assessment <> old.assessment
   OR new.plan <> old.plan OR new.codes <> old.codes OR new.vitals <> old.vitals OR new.author_id <> old.author_id)
 AND (SELECT status FROM consultations WHERE id = new.consultation_id) <> 'in_progress'
BEGIN SELECT RAISE(ABORT, 'the consultation has ended'); END;
CREATE TRIGGER notes_author BEFORE UPDATE OF author_id, signed_by ON notes
WHEN NOT EXISTS (SELECT 1 FROM providers WHERE id = new.author_id AND clinic = new.clinic)
  OR new.signed_by IS NOT NULL AND NOT EXISTS (SELECT 1 FROM providers WHERE id = new.signed_by AND clinic = new.clinic)
BEGIN SELECT RAISE(ABORT, 'a note can only refer to rows of its own clinic'); END;
CREATE TRIGGER notes_insert BEFORE INSERT ON notes
BEGIN
  SELECT RAISE(ABORT, 'a note can only refer to rows of its own clinic')
   WHERE NOT EXISTS (SELECT 1 FROM consultations WHERE id = new.consultation_id AND clinic = new.clinic AND test = new.test)
      OR NOT EXISTS (SELECT 1 FROM providers WHERE id = new.author_id AND clinic = new.clinic)
      OR new.signed_by IS NOT NULL AND NOT EXISTS (SELECT 1 FROM providers WHERE id = new.signed_by AND clinic = new.clinic);
  -- REPLACE deletes without firing the triggers of DELETE.
  SELECT RAISE(ABORT, 'this version of the note exists already') WHERE EXISTS (
    SELECT 1 FROM notes WHERE id = new.id OR note_id = new.note_id AND n = new.n
       OR supersedes IS NOT NULL AND supersedes = new.supersedes);
  SELECT RAISE(ABORT, 'only the latest signed version can be superseded') WHERE new.supersedes IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM notes WHERE id = new.supersedes AND note_id = new.note_id AND n = new.n - 1
       AND consultation_id = new.consultation_id AND status IN ('signed', 'amended'));
  SELECT RAISE(ABORT, 'only a signed note of the same consultation can have an addendum') WHERE new.addendum_to IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM notes WHERE note_id = new.addendum_to AND consultation_id = new.consultation_id AND status = 'signed');
  SELECT RAISE(ABORT, 'the consultation has ended') WHERE new.supersedes IS NULL AND new.addendum_to IS NULL
    AND (SELECT status FROM consultations WHERE id = new.consultation_id) <> 'in_progress';
END;

-- Prescriptions (FHIR MedicationRequest) are a record with a page to print. Nothing
-- is sent anywhere. A draft is edited in place; afterwards only its status changes.
CREATE TABLE prescriptions (
  id                   TEXT PRIMARY KEY NOT NULL,
  clinic               INTEGER NOT NULL REFERENCES clinics(n),
  test                 INTEGER NOT NULL,
  consultation_id      TEXT NOT NULL REFERENCES consultations(id),
  author_id            INTEGER NOT NULL REFERENCES providers(id), -- who prescribes
  medication           TEXT NOT NULL CHECK (medication <> ''),
  medication_code      TEXT NOT NULL,
  dose                 TEXT NOT NULL CHECK (dose <> ''),
  route                TEXT NOT NULL,
  frequency            TEXT NOT NULL CHECK (frequency <> ''),
  as_needed            INTEGER NOT NULL,
  start_date           TEXT NOT NULL,    -- YYYY-MM-DD
  duration_days        INTEGER,          -- or end_date, never both
  end_date             TEXT,             -- the last day
  quantity             TEXT NOT NULL,    -- a decimal number; '' = not said
  unit                 TEXT NOT NULL,
  refills              INTEGER NOT NULL CHECK (refills >= 0),
  substitution_allowed INTEGER NOT NULL,
  instructions         TEXT NOT NULL,
  status               TEXT NOT NULL CHECK (status IN ('draft', 'active', 'completed', 'stopped', 'entered_in_error')),
  stop_reason          TEXT NOT NULL,
  version              INTEGER NOT NULL,
  change               INTEGER NOT NULL,
  created_at           INTEGER NOT NULL,
  updated_at           INTEGER NOT NULL,
  created_by           TEXT NOT NULL,
  updated_by           TEXT NOT NULL,
  CHECK (duration_days IS NULL OR end_date IS NULL),
  CHECK (duration_days IS NULL OR duration_days > 0),
  CHECK (end_date IS NULL OR end_date >= start_date),
  CHECK (quantity = '' OR CAST(quantity AS REAL) > 0),
  CHECK (status <> 'stopped' OR stop_reason <> '')
) STRICT;
CREATE INDEX prescriptions_list ON prescriptions (clinic, test, created_at, id);
CREATE INDEX prescriptions_consultation ON prescriptions (consultation_id, created_at, id);
CREATE INDEX prescriptions_author ON prescriptions (author_id);

CREATE TRIGGER prescriptions_home BEFORE UPDATE OF clinic, test, author_id ON prescriptions
WHEN new.clinic <> old.clinic OR new.test <> old.test
  OR NOT EXISTS (SELECT 1 FROM providers WHERE id = new.author_id AND clinic = new.clinic)
BEGIN SELECT RAISE(ABORT, 'a prescription can only refer to rows of its own clinic'); END;
CREATE TRIGGER prescriptions_insert BEFORE INSERT ON prescriptions
BEGIN
  SELECT RAISE(ABORT, 'a prescription can only refer to rows of its own clinic')
   WHERE NOT EXISTS (SELECT 1 FROM consultations WHERE id = new.consultation_id AND clinic = new.clinic AND test = new.test)
      OR NOT EXISTS (SELECT 1 FROM providers WHERE id = new.author_id AND clinic = new.clinic);
  SELECT RAISE(ABORT, 'this prescription exists already') WHERE EXISTS (SELECT 1 FROM prescriptions WHERE id = new.id);
  SELECT RAISE(ABORT, 'the consultation has ended')
   WHERE (SELECT status FROM consultations WHERE id = new.consultation_id) <> 'in_progress';
END;
CREATE TRIGGER prescriptions_content BEFORE UPDATE ON prescriptions
WHEN (new.id <> old.id OR new.clinic <> old.clinic OR new.test <> old.test OR new.consultation_id <> old.consultation_id
   OR new.author_id <> old.author_id OR new.medication <> old.medication OR new.medication_code <> old.medication_code
   OR new.dose <> old.dose OR new.route <> old.route OR new.frequency <> old.frequency OR new.as_needed <> old.as_needed
   OR new.start_date <> old.start_date OR new.duration_days IS NOT old.duration_days OR new.end_date IS NOT old.end_date
   OR new.quantity <> old.quantity OR new.unit <> old.unit OR new.refills <> old.refills
   OR new.substitution_allowed <> old.substitution_allowed OR new.instructions <> old.instructions
   OR new.status = 'active' AND old.status <> 'active')
 AND (old.status <> 'draft' OR new.consultation_id <> old.consultation_id OR new.id <> old.id
   OR (SELECT status FROM consultations WHERE id = old.consultation_id) <> 'in_progress')
BEGIN SELECT RAISE(ABORT, 'an issued prescription cannot be changed: stop it'); END;
CREATE TRIGGER prescriptions_over BEFORE UPDATE ON prescriptions
WHEN old.status NOT IN ('draft', 'active') AND new.status NOT IN (old.status, 'entered_in_error')
  OR new.status = 'draft' AND old.status <> 'draft'
BEGIN SELECT RAISE(ABORT, 'a prescription that has ended keeps its status'); END;
CREATE TRIGGER prescriptions_no_delete BEFORE DELETE ON prescriptions
WHEN old.status <> 'draft'
BEGIN SELECT RAISE(ABORT, 'an issued prescription cannot be deleted'); END;

-- ---------------------------------------------------------------- access

CREATE TABLE api_keys (
  id              TEXT PRIMARY KEY NOT NULL,
  clinic          INTEGER NOT NULL REFERENCES clinics(n),
  key_id          TEXT NOT NULL, -- the 8 characters after the family: the look-up
  family          TEXT NOT NULL,
  name            TEXT NOT NULL,
  hash            TEXT NOT NULL, -- SHA-256 of the whole key, hex; never the key
  scopes          TEXT NOT NULL, -- JSON array
  rate_per_minute INTEGER,       -- NULL = the tier's; 0 = unlimited
  allowed_origins TEXT NOT NULL, -- JSON array
  expires_at      INTEGER,
  revoked_at      INTEGER,
  rotated_to      TEXT,          -- the key that replaces it
  created_at      INTEGER NOT NULL,
  created_by      TEXT NOT NULL,
  last_used_at    INTEGER        -- written at most once a minute
) STRICT;
CREATE UNIQUE INDEX api_keys_lookup ON api_keys (family, key_id);
CREATE INDEX api_keys_list ON api_keys (clinic, created_at, id);

CREATE TABLE users (
  id            TEXT PRIMARY KEY NOT NULL,
  clinic        INTEGER NOT NULL REFERENCES clinics(n),
  email         TEXT NOT NULL,
  email_key     TEXT NOT NULL, -- case-folded
  name          TEXT NOT NULL,
  role          TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'provider', 'front_desk', 'auditor')),
  password_hash TEXT NOT NULL, -- argon2id in PHC form; '' = signs in by the JWT of another issuer only
  failures      INTEGER NOT NULL, -- since first_failure_at
  first_failure_at INTEGER,
  disabled_at   INTEGER,
  sessions_from INTEGER, -- tokens issued before are refused: new password, or disabled; NULL = none is
  version       INTEGER NOT NULL,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX users_email ON users (clinic, email_key);
CREATE INDEX users_any_clinic ON users (email_key);

-- Replies, kept for 24 hours, so that a retry gets the first answer again. The table
-- is in insertion order, with a small unique index. Clustered by a random key, it
-- would cost every booking a random page.
CREATE TABLE idempotency (
  id          INTEGER PRIMARY KEY,
  h           INTEGER NOT NULL UNIQUE, -- 64 bits of SHA-256 over clinic, caller and key
  clinic      INTEGER NOT NULL,
  caller      TEXT NOT NULL,
  key         TEXT NOT NULL,
  fingerprint TEXT NOT NULL, -- SHA-256 of method, path, query and canonical body, hex
  status      INTEGER NOT NULL,
  headers     TEXT NOT NULL, -- JSON: Location and ETag
  body        BLOB NOT NULL, -- the bytes as they were sent
  subject     TEXT NOT NULL, -- the person in it ('lead:…', 'patient:7'), so that erasing blanks it
  created_at  INTEGER NOT NULL
) STRICT;

-- ---------------------------------------------------------------- events and audit

-- The thin canonical fact of every change; append-only (webhooks.md "Events").
CREATE TABLE events (
  clinic     INTEGER NOT NULL REFERENCES clinics(n),
  seq        INTEGER NOT NULL, -- gap-free per clinic
  id         TEXT NOT NULL,    -- evt_…
  type       TEXT NOT NULL,
  test       INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  data       TEXT NOT NULL,    -- JSON: ids, status, times; never a name or a clinical word
  PRIMARY KEY (clinic, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

-- One row for every act and for every read of patient data, chained by hashes
-- (records.md §5). It holds ids and names of fields, never a person's values. So
-- erasing a person and an append-only chain can both be true.
CREATE TABLE audit (
  clinic      INTEGER NOT NULL REFERENCES clinics(n),
  seq         INTEGER NOT NULL, -- gap-free per clinic
  at          INTEGER NOT NULL,
  actor_kind  TEXT NOT NULL CHECK (actor_kind = 'key' OR actor_kind = 'user' OR actor_kind = 'cli' OR actor_kind = 'system' OR actor_kind = 'link'),
  actor_id    TEXT NOT NULL,
  actor_label TEXT NOT NULL,
  ip          TEXT NOT NULL,
  request_id  TEXT NOT NULL,
  action      TEXT NOT NULL, -- 'appointment.book', 'lead.list'
  entity      TEXT NOT NULL,
  entity_id   TEXT NOT NULL,
  patient_id  INTEGER,
  outcome     TEXT NOT NULL CHECK (outcome = 'ok' OR outcome = 'denied' OR outcome = 'failed'),
  reason_ref  TEXT NOT NULL, -- keyed hash of a free-text reason in audit_reasons; '' = none
  fields      TEXT NOT NULL, -- JSON: names of changed fields; of a list: filter names, ids, and whose they are
  prev_hash   TEXT NOT NULL,
  hash        TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX audit_seq ON audit (clinic, seq);
CREATE INDEX audit_appointment ON audit (clinic, entity_id, seq) WHERE entity = 'appointment'; -- an appointment's history
CREATE INDEX audit_patient ON audit (clinic, patient_id, seq) WHERE patient_id IS NOT NULL;
CREATE INDEX audit_lists ON audit (clinic, seq) WHERE entity_id = '' AND patient_id IS NULL; -- lists: the ids are in fields

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

-- Free-text reasons. They can be erased, so they are not part of the chain.
CREATE TABLE audit_reasons (
  ref        TEXT PRIMARY KEY NOT NULL,
  clinic     INTEGER NOT NULL REFERENCES clinics(n),
  patient_id INTEGER,
  reason     TEXT NOT NULL
) STRICT;

-- ---------------------------------------------------------------- webhooks

-- Endpoints of other systems (webhooks.md "Resources"). A deleted one keeps its row,
-- without its secrets, for the deliveries that name it.
CREATE TABLE webhooks (
  n                INTEGER PRIMARY KEY,  -- short: it stands in every delivery
  id               TEXT NOT NULL UNIQUE,
  clinic           INTEGER NOT NULL REFERENCES clinics(n),
  test             INTEGER NOT NULL CHECK (test IN (0, 1)), -- gets the events of test rows only
  url              TEXT NOT NULL CHECK (url <> ''),
  events           TEXT NOT NULL, -- JSON array of types; ["*"] = all
  description      TEXT NOT NULL,
  payload          TEXT NOT NULL CHECK (payload IN ('thin', 'full')), -- full: with the person's contact fields
  flat             INTEGER NOT NULL CHECK (flat IN (0, 1)), -- camelCase names: made with a kv_ key
  signature_header TEXT NOT NULL,
  max_in_flight    INTEGER NOT NULL CHECK (max_in_flight BETWEEN 1 AND 8),
  enabled          INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  disabled_reason  TEXT NOT NULL CHECK (disabled_reason IN ('', 'manual', 'failing', 'gone', 'deleted')),
  secret           BLOB,    -- sealed, see Sealer; NULL once deleted
  old_secret       BLOB,    -- sealed; signs too until old_until
  old_until        INTEGER,
  failing_since    INTEGER, -- start of the run of nothing but failures; NULL = none
  failures         INTEGER NOT NULL, -- attempts in that run
  deleted_at       INTEGER,
  version          INTEGER NOT NULL,
  change           INTEGER NOT NULL,
  created_at       INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL,
  created_by       TEXT NOT NULL,
  updated_by       TEXT NOT NULL,
  CHECK (enabled = (disabled_reason = '')),
  CHECK ((old_secret IS NULL) = (old_until IS NULL)),
  CHECK ((deleted_at IS NULL) = (secret IS NOT NULL)),
  CHECK (deleted_at IS NULL OR enabled = 0 AND old_secret IS NULL)
) STRICT;
CREATE INDEX webhooks_list ON webhooks (clinic, test, created_at, id) WHERE deleted_at IS NULL;

CREATE TRIGGER webhooks_at_most_50 BEFORE INSERT ON webhooks
BEGIN
  SELECT RAISE(ABORT, 'a clinic has at most 50 webhooks')
  WHERE (SELECT count(*) FROM webhooks WHERE clinic = new.clinic AND test IN (0, 1) AND deleted_at IS NULL) >= 50;
END;

-- One event on its way to one endpoint, with the bytes that are sent. They never
-- change.
CREATE TABLE deliveries (
  n           INTEGER PRIMARY KEY, -- ascends with time: lists and retention walk it
  id          TEXT NOT NULL UNIQUE,
  clinic      INTEGER NOT NULL,
  test        INTEGER NOT NULL,
  webhook     INTEGER NOT NULL REFERENCES webhooks(n),
  seq         INTEGER NOT NULL, -- of its event
  state       TEXT NOT NULL CHECK (state = 'pending' OR state = 'sending' OR state = 'succeeded' OR state = 'dead' OR state = 'cancelled'),
  attempts    INTEGER NOT NULL CHECK (attempts >= 0), -- made; counted before each is sent
  interrupted INTEGER NOT NULL CHECK (interrupted BETWEEN 0 AND 3), -- attempts that the end of the process cut off
  next_at     INTEGER NOT NULL, -- while pending
  retry_at    INTEGER,       -- of the last claim: when it is due again if the process ends meanwhile
  lease_until INTEGER,       -- of the last claim: after this time it is taken back, as its end was never reported
  cause       TEXT NOT NULL CHECK (cause = 'event' OR cause = 'test' OR cause = 'replay' OR cause = 'retry' OR cause = 'manual'), -- of the next attempt, or of the one under way
  last_status INTEGER,       -- NULL = no reply
  last_error  TEXT NOT NULL,
  replay_of   TEXT,          -- id of the delivery that this one repeats, which may have been dropped since
  subject     TEXT NOT NULL, -- the person in a full body ('lead:…', 'patient:7'), so that erasing blanks it; '' = thin
  created_at  INTEGER NOT NULL,
  ended_at    INTEGER,       -- when it succeeded, died or was cancelled
  body        BLOB NOT NULL, -- empty once blanked
  FOREIGN KEY (clinic, seq) REFERENCES events(clinic, seq),
  CHECK ((ended_at IS NULL) = (state IN ('pending', 'sending')))
) STRICT;
-- The deliveries that may still be sent. A claim changes none of these columns. So
-- the entry of a delivery is written when it is made, and removed when it has ended.
CREATE INDEX deliveries_open ON deliveries (webhook, next_at, seq) WHERE ended_at IS NULL;
CREATE INDEX deliveries_webhook ON deliveries (webhook);
CREATE INDEX deliveries_list ON deliveries (clinic, test);
CREATE INDEX deliveries_dead ON deliveries (clinic, test) WHERE state = 'dead';
CREATE INDEX deliveries_replay ON deliveries (replay_of) WHERE replay_of IS NOT NULL;
CREATE INDEX deliveries_subject ON deliveries (clinic, subject) WHERE subject <> '';

-- Test rows never fire live webhooks, and no clinic gets events of another.
CREATE TRIGGER deliveries_own_endpoint BEFORE INSERT ON deliveries
BEGIN
  SELECT RAISE(ABORT, 'a delivery goes to an endpoint of its clinic and of its kind, live or test')
  WHERE NOT EXISTS (SELECT 1 FROM webhooks WHERE n = new.webhook AND clinic = new.clinic AND test = new.test)
     OR NOT EXISTS (SELECT 1 FROM events WHERE clinic = new.clinic AND seq = new.seq AND test = new.test);
END;

CREATE TRIGGER deliveries_frozen BEFORE UPDATE OF clinic, test, webhook, seq, body ON deliveries
WHEN new.clinic <> old.clinic OR new.test <> old.test OR new.webhook <> old.webhook OR new.seq <> old.seq
  OR new.body <> old.body AND new.body <> x''
BEGIN SELECT RAISE(ABORT, 'the content and the endpoint of a delivery cannot be changed'); END;

CREATE TRIGGER deliveries_ended BEFORE UPDATE OF state ON deliveries
WHEN new.state <> old.state AND (old.state = 'succeeded' OR old.state = 'dead' OR old.state = 'cancelled')
BEGIN SELECT RAISE(ABORT, 'a delivery that has ended keeps its state; repeat it as a new one'); END;

-- The log of a delivery, kept for 30 days.
CREATE TABLE attempts (
  delivery   INTEGER NOT NULL REFERENCES deliveries(n) ON DELETE CASCADE,
  n          INTEGER NOT NULL, -- from 1
  started_at INTEGER NOT NULL,
  ms         INTEGER NOT NULL,
  status     INTEGER,       -- NULL = no reply
  error      TEXT NOT NULL, -- its class, and what to do about it
  response   TEXT NOT NULL CHECK (length(response) <= 4096), -- the beginning of the answer
  cause      TEXT NOT NULL,
  PRIMARY KEY (delivery, n)
) STRICT, WITHOUT ROWID;
