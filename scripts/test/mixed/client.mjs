// A client of the version that is installed beside this file. It prints what it gets, one JSON value a line.
import { connect } from "@holdfast/client";

const print = (line) => console.log(JSON.stringify(line));
const connection = connect(process.argv[2], { onReset: (reset) => print({ reset }) });
connection.subscribe(({ status, reason }) => print({ status, reason }));
try {
  for await (const { data } of connection) print({ data });
  print({ over: "done" });
} catch (error) {
  print({ over: error.reason });
}
