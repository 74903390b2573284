// Package main checks what clients of one network saw: per validator, its answers must be those of one ledger that
// changes in single steps, each between the question and the answer that speaks of it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/anishathalye/porcupine"
)

// senders is how many accounts pay into the sink of each validator.
const senders = 2

// entry is one line of a history. Times are nanoseconds of one monotonic clock.
type entry struct {
	Validator int `json:"validator"`
	Client    int `json:"client"`
	// initial, transfer, read-sink or read-nonce
	Kind   string `json:"kind"`
	Sender int    `json:"sender"`
	// Of a transfer: what it moves. Of a read: what it saw. Of initial: the sink's balance.
	Value int64 `json:"value"`
	// Of initial: the next nonce of each sender.
	Nonces [senders]int64 `json:"nonces"`
	// A transfer that was called final; any other may have been applied at any time after its call, or never.
	Final  bool  `json:"final"`
	Call   int64 `json:"call"`
	Return int64 `json:"return"`
}

// ledger is what the clients of one validator can see of it.
type ledger struct {
	sink   int64
	nonces [senders]int64
}

func read(source io.Reader) ([]entry, error) {
	var entries []entry
	lines := bufio.NewScanner(source)
	for number := 1; lines.Scan(); number++ {
		var line entry
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if line.Sender < 0 || line.Sender >= senders {
			return nil, fmt.Errorf("line %d: sender %d", number, line.Sender)
		}
		entries = append(entries, line)
	}
	return entries, lines.Err()
}

// byValidator separates the histories: linearizability is a property of each.
func byValidator(entries []entry) map[int][]entry {
	histories := map[int][]entry{}
	for _, line := range entries {
		histories[line.Validator] = append(histories[line.Validator], line)
	}
	return histories
}

func operations(history []entry) (ledger, []porcupine.Operation, error) {
	var first *ledger
	var found []porcupine.Operation
	for _, line := range history {
		if line.Kind == "initial" {
			first = &ledger{sink: line.Value, nonces: line.Nonces}
			continue
		}
		end := line.Return
		if line.Kind == "transfer" && !line.Final {
			end = math.MaxInt64
		}
		found = append(found, porcupine.Operation{ClientId: line.Client, Input: line, Call: line.Call, Return: end})
	}
	if first == nil {
		return ledger{}, nil, fmt.Errorf("validator %d has no initial state", history[0].Validator)
	}
	return *first, found, nil
}

func model(first ledger) porcupine.Model {
	return porcupine.Model{
		Init: func() interface{} { return first },
		Step: func(state, input, _ interface{}) (bool, interface{}) {
			now, line := state.(ledger), input.(entry)
			switch line.Kind {
			case "transfer":
				now.sink += line.Value
				now.nonces[line.Sender]++
				return true, now
			case "read-sink":
				return now.sink == line.Value, now
			case "read-nonce":
				return now.nonces[line.Sender] == line.Value, now
			}
			return false, now
		},
	}
}
