package webhook

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
)

// names is a resolver that answers from a table; a name with several answers gives
// the next set at each look-up, as a rebinding attacker's server does. Every other
// name gets the answer of "*".
type names struct {
	mu      sync.Mutex
	answers map[string][][]string
	asked   int
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go n.serve(there)
		return here, nil
	}}
}

// serve speaks DNS over a stream: two bytes of length before each message.
func (n *names) serve(c net.Conn) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		q := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, q); err != nil {
			return
		}
		a := n.answer(q)
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...)); err != nil {
			return
		}
	}
}

func (n *names) answer(q []byte) []byte {
	name, i := "", 12
	for q[i] != 0 {
		l := int(q[i])
		name += string(q[i+1:i+1+l]) + "."
		i += 1 + l
	}
	kind := binary.BigEndian.Uint16(q[i+1:])
	end := i + 5
	var records []byte
	count := uint16(0)
	for _, s := range n.next(name, kind) {
		a := netip.MustParseAddr(s)
		if (kind == 1) != a.Is4() || (kind != 1 && kind != 28) {
			continue
		}
		records = append(records, 0xc0, 12) // the name of the question
		records = binary.BigEndian.AppendUint16(records, kind)
		records = append(records, 0, 1, 0, 0, 0, 0) // class IN, TTL 0
		records = binary.BigEndian.AppendUint16(records, uint16(len(a.AsSlice())))
		records = append(records, a.AsSlice()...)
		count++
	}
	out := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1}, byte(count>>8), byte(count), 0, 0, 0, 0)
	return append(append(out, q[12:end]...), records...)
}

// next gives the answers of one look-up; A and AAAA questions of the same look-up
// see the same set, the A question moves on.
func (n *names) next(name string, kind uint16) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	sets, ok := n.answers[name]
	if !ok {
		return n.answers["*"][0]
	}
	if kind == 1 && len(sets) > 1 {
		n.answers[name] = sets[1:]
	}
	return sets[0]
}
