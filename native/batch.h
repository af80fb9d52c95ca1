// Several options in one crossing: JavaScript describes them in an area of memory, and the results
// come back there (docs/decisions/004-values-travel-in-a-shared-area.md).

#ifndef NET_SOCKOPT_BATCH_H_
#define NET_SOCKOPT_BATCH_H_

#include "socket.h"

// What stands at the area's beginning; a call without arguments costs half of one with four
// numbers. The records follow.
struct Batch {
  double socket;
  int count;
  int failed;  // the index of the record that the system refused
};

// One option. Its value follows, padded to a multiple of 8 bytes.
struct Record {
  int level;
  int option;
  int length;
  int padding;
};

// Run what the area describes. The first record that fails ends it. The area is at least a Batch;
// whatever else it holds, nothing outside of it is touched, but for what a system writes unasked.
int GetBatch(Buffer area);
int SetBatch(Buffer area);

#endif  // NET_SOCKOPT_BATCH_H_
