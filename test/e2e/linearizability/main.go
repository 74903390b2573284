package main

import (
	"encoding/json"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

// limit of one history: the search is exponential in operations whose outcome nobody knows.
const limit = 2 * time.Minute

type verdict struct {
	Validator  int    `json:"validator"`
	Operations int    `json:"operations"`
	Result     string `json:"result"`
}

// The history is read from standard input, the verdicts go to standard output; status 0 if every one is Ok, 1 if not,
// 2 if the history cannot be read.
func main() {
	entries, err := read(os.Stdin)
	if err != nil {
		fail(err)
	}
	ok := true
	verdicts := []verdict{}
	for validator, history := range byValidator(entries) {
		first, found, err := operations(history)
		if err != nil {
			fail(err)
		}
		result := porcupine.CheckOperationsTimeout(model(first), found, limit)
		verdicts = append(verdicts, verdict{validator, len(found), string(result)})
		ok = ok && result == porcupine.Ok
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		fail(err)
	}
	if !ok || len(verdicts) == 0 {
		os.Exit(1)
	}
}

func fail(err error) {
	os.Stderr.WriteString(err.Error() + "\n")
	os.Exit(2)
}
