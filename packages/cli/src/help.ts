export const HELP = `Usage: holdfast tail <url> [options]

Follows an event stream (Server-Sent Events), reconnects when the connection is lost, and reports events that are lost,
doubled or out of order. Events go to stdout, everything else to stderr.

Options:
  -H, --header <name: value>   a header of each request; may be repeated
      --last-event-id <id>     begin behind this event
  -X, --method <GET|POST>      the method of the first request
  -d, --data <text>            its body; implies POST. The stream is resumed with GET
      --retries <n>            give up after n attempts in a row without success
      --give-up-after <s>      give up after s seconds without success (300)
      --no-reconnect           end with the first connection
      --cut-every <s>          cut the connection each time it has been open for s seconds, to test resumption
      --allow-holes            the numbers in the ids have holes: do not take these for losses
      --json                   one JSON object a line, all on stdout
  -h, --help                   show this text
  -V, --version                show the version

Ctrl-C prints a summary. Exit codes: 0 the stream has ended, or Ctrl-C; 1 it has failed, or could not be read;
2 wrong usage; 3 events were lost, doubled or out of order, or the client had to start over.
`;
