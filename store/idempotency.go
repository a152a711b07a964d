package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"strconv"

	"qualifybase/engine/act"
)

// replyHash is the 64-bit name of a stored reply. Two that collide by chance only
// forget each other: the whole key is compared as well.
func replyHash(clinic int64, caller, key string) int64 {
	b := make([]byte, 0, 96)
	b = strconv.AppendInt(b, clinic, 10)
	b = append(b, 0)
	b = append(b, caller...)
	b = append(b, 0)
	b = append(b, key...)
	sum := sha256.Sum256(b)
	return int64(binary.BigEndian.Uint64(sum[:8])) // #nosec G115 -- a name, not a number
}

// StoredReply implements engine.Reader.
func (r *reads) StoredReply(clinic int64, caller, key string, since int64) (fingerprint string, reply act.Reply,
	found bool, err error) {
	found, err = r.get(`SELECT fingerprint, status, headers, body FROM idempotency
		WHERE h = ? AND clinic = ? AND caller = ? AND key = ? AND created_at >= ?`, func(row *row) {
		fingerprint, reply.Status = row.text(), row.small()
		row.json(&reply.Header)
		reply.Body = row.blob()
	}, replyHash(clinic, caller, key), clinic, caller, key, since)
	return fingerprint, reply, found, err
}

// StoreReply implements engine.Tx. It takes the place of a reply that has expired.
func (t *tx) StoreReply(clinic int64, caller, key, fingerprint, subject string, reply act.Reply, now int64) error {
	headers := "{}"
	if len(reply.Header) > 0 {
		b, err := json.Marshal(reply.Header)
		if err != nil {
			return err
		}
		headers = string(b)
	}
	body := reply.Body
	if body == nil {
		body = []byte{}
	}
	_, _, err := t.exec(`INSERT OR REPLACE INTO idempotency (h, clinic, caller, key, fingerprint, status,
		headers, body, subject, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		replyHash(clinic, caller, key), clinic, caller, key, fingerprint, reply.Status, headers, body, subject, now)
	return err
}

// DropReplies implements engine.Tx: it looks at the first rows only, which are
// the oldest.
func (t *tx) DropReplies(before int64, limit int) (int, error) {
	n, _, err := t.exec(`DELETE FROM idempotency WHERE created_at < ?
		AND id IN (SELECT id FROM idempotency ORDER BY id LIMIT ?+0)`,
		before, limit)
	return int(n), err
}
