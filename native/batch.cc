#include "batch.h"

#include <cstring>

namespace {

template <typename Operation>
int Run(Buffer area, Operation operation) {
  Batch batch{};
  std::memcpy(&batch, area.data(), sizeof batch);
  const auto socket = static_cast<Socket>(batch.socket);
  size_t at = sizeof batch;
  for (int index = 0; index < batch.count; index++) {
    Record record{};
    if (area.size() - at < sizeof record) return -kInvalid;
    std::memcpy(&record, area.data() + at, sizeof record);
    const Buffer rest = area.subspan(at + sizeof record);
    if (record.length < 0 || static_cast<size_t>(record.length) > rest.size()) return -kInvalid;
    const auto length = static_cast<size_t>(record.length);
    const int result = operation(socket, record, rest.first(length));
    if (result < 0) {
      batch.failed = index;
      std::memcpy(area.data(), &batch, sizeof batch);
      return result;
    }
    record.length = result;
    std::memcpy(area.data() + at, &record, sizeof record);
    at += sizeof record + (length + 7) / 8 * 8;
    if (at > area.size()) return -kInvalid;
  }
  return 0;
}

}  // namespace

int GetBatch(Buffer area) {
  return Run(area, [](Socket socket, const Record& record, Buffer value) {
    // Zeroed first, since a system may write fewer bytes than it documents (Windows' BOOL: one of
    // four).
    std::memset(value.data(), 0, value.size());
    return GetOption(socket, record.level, record.option, value);
  });
}

int SetBatch(Buffer area) {
  return Run(area, [](Socket socket, const Record& record, Buffer value) {
    return SetOption(socket, record.level, record.option, value);
  });
}
