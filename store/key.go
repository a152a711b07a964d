package store

import (
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
)

func keyColumns(c *columns, k *access.Key) {
	c.fixed("id").text(&k.ID)
	c.fixed("clinic").int(&k.Clinic)
	c.fixed("key_id").text(&k.KeyID)
	c.fixed("family").text((*string)(&k.Family))
	c.column("name").text(&k.Name)
	c.fixed("hash").text(&k.Hash)
	c.column("scopes").scopes(&k.Scopes)
	c.column("rate_per_minute").smallIfAny(&k.RatePerMinute)
	c.column("allowed_origins").json(&k.AllowedOrigins)
	c.column("expires_at").intOrNull(&k.ExpiresAt)
	c.column("revoked_at").intOrNull(&k.RevokedAt)
	c.column("rotated_to").textOrNull(&k.RotatedTo)
	c.fixed("created_at").int(&k.CreatedAt)
	c.fixed("created_by").text(&k.CreatedBy)
	c.fixed("last_used_at").intOrNull(&k.LastUsedAt) // TouchKey writes it
}

var (
	keyTable  = newTable("api_keys", "key", ofClinic, keyColumns)
	selectKey = keyTable.selects
)

func scanKey(r *row) (k access.Key) {
	keyColumns(scanning(r), &k)
	return k
}

// scopes holds a JSON list of scope names.
func (c *columns) scopes(p *scope.Set) {
	if c.scans() {
		*p = scopes(c.row)
	} else if !c.off {
		names := p.Names()
		c.bindJSON(&names)
	}
}

// scopes reads a JSON list of scope names. An unknown one grants nothing: an
// older program may meet a newer key.
func scopes(r *row) scope.Set {
	var names []string
	r.json(&names)
	var set scope.Set
	for _, name := range names {
		if s, ok := scope.Parse(name); ok {
			set |= scope.Of(s)
		}
	}
	return set
}

// KeyByLookup implements engine.Reader, from memory; an unknown key is looked up
// in the file at once, so that one made in the shell works immediately.
func (r *reads) KeyByLookup(f secret.Family, keyID string) (access.Key, error) {
	if r.ended {
		return access.Key{}, errEnded
	}
	l := lookup{f, keyID}
	if r.tx != nil {
		if _, wrote := r.tx.w.keys[l]; wrote {
			return r.keyInFile(l)
		}
	}
	if k, ok := r.s.mem.keys.Load(l); ok {
		return k.(access.Key), nil
	}
	var key access.Key
	err := r.s.fresh(func(f *reads) (err error) {
		gen := r.s.mem.generation()
		if key, err = f.keyInFile(l); err == nil {
			r.s.mem.install(gen, &r.s.mem.keys, l, key)
		}
		return err
	})
	return key, err
}

func (r *reads) keyInFile(l lookup) (access.Key, error) {
	return one(r, "key", scanKey, selectKey+" WHERE family = ? AND key_id = ?", string(l.family), l.id)
}

// Key implements engine.Reader.
func (r *reads) Key(clinic int64, id string) (access.Key, error) {
	return one(r, "key", scanKey, selectKey+" WHERE id = ? AND clinic = ?", id, clinic)
}

// Keys implements engine.Reader.
func (r *reads) Keys(clinic int64, after act.Position, limit int) ([]access.Key, error) {
	w := newWhere("clinic = ?", clinic)
	text := selectKey + w.newestFirst(after, after.ID, limit)
	return list(r, scanKey, text, w.args...)
}

// CountKeys implements engine.Reader.
func (r *reads) CountKeys(clinic int64) (int64, error) {
	return r.number("SELECT count(*) FROM api_keys WHERE clinic = ?", clinic)
}

// PublicOrigins implements engine.Reader, sorted.
func (r *reads) PublicOrigins(now int64) ([]string, error) {
	return list(r, (*row).text, `SELECT DISTINCT value FROM api_keys, json_each(allowed_origins)
		WHERE family = 'qual_pk_' AND (expires_at IS NULL OR expires_at > ?) AND (revoked_at IS NULL OR revoked_at > ?)
		ORDER BY value`, now, now)
}

// InsertKey implements engine.Tx.
func (t *tx) InsertKey(k access.Key) error {
	t.w.keys[lookup{k.Family, k.KeyID}] = struct{}{}
	c := t.inserting()
	keyColumns(c, &k)
	_, err := t.insert(keyTable, c)
	return err
}

// UpdateKey implements engine.Tx. What a key is (family, id, hash) never changes.
func (t *tx) UpdateKey(k access.Key) error {
	t.w.keys[lookup{k.Family, k.KeyID}] = struct{}{}
	c := t.updating()
	keyColumns(c, &k)
	return t.update(keyTable, c, k.ID, k.Clinic)
}

// TouchKey implements engine.Tx.
func (t *tx) TouchKey(id string, at int64) error {
	t.w.touched = append(t.w.touched, keyTouch{id, at})
	return t.change("key", "UPDATE api_keys SET last_used_at = ? WHERE id = ?", at, id)
}
