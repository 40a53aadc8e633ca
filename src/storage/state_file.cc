#include "anomaly_exporter/storage/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "anomaly_exporter/core/checksum.h"
#include "anomaly_exporter/core/state_io.h"

namespace anomaly_exporter::storage {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;
using core::Status;

constexpr std::string_view kMagic = "AESTATE\n";

struct Header {
  std::uint64_t payload_bytes = 0;
  std::uint32_t checksum = 0;
};

/// Reads the header at the front of `bytes`.
Result<Header> parse_header(std::string_view bytes) {
  if (bytes.size() < kStateHeaderBytes) return Error{ErrorCode::Corrupt, "shorter than its header"};
  if (!bytes.starts_with(kMagic))
    return Error{ErrorCode::Corrupt, "does not start as a state file"};
  core::StateReader reader(bytes.substr(kMagic.size()));
  const std::uint32_t version = reader.u32();
  if (version == 0 || version > kStateFormatVersion) {
    return Error{ErrorCode::Unsupported, "format version " + std::to_string(version) +
                                             ", this program knows up to " +
                                             std::to_string(kStateFormatVersion)};
  }
  Header header;
  header.payload_bytes = reader.u64();
  header.checksum = reader.u32();
  return header;
}

Status check_length(const Header& header, std::uint64_t present_bytes) {
  if (header.payload_bytes == present_bytes) return {};
  return Error{ErrorCode::Corrupt, "payload of " + std::to_string(present_bytes) +
                                       " bytes, its header says " +
                                       std::to_string(header.payload_bytes)};
}

Status check_payload(const Header& header, std::string_view payload) {
  if (core::crc32c(payload) == header.checksum) return {};
  return Error{ErrorCode::Corrupt, "checksum of the payload does not match"};
}

/// The failure of the system call just made, as in errno.
Error system_error(const std::string& path, std::string_view action) {
  const int code = errno;
  return {code == ENOENT ? ErrorCode::NotFound : ErrorCode::Unavailable,
          path + ": " + std::string(action) + ": " + std::generic_category().message(code)};
}

/// What the writers report: to them a missing directory is one more way of not getting through.
Error write_error(const std::string& path, std::string_view action) {
  return {ErrorCode::Unavailable, system_error(path, action).message};
}

/// An open file, closed at the end of its scope.
class File {
 public:
  File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0640)) {}
  ~File() {
    if (is_open()) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool sync() const { return ::fsync(fd_) == 0; }

  /// False with errno set when not all bytes could be written.
  [[nodiscard]] bool write_all(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

  /// Fills `out` as far as the file reaches and returns the bytes read; nothing read with errno set
  /// when the system fails.
  [[nodiscard]] ssize_t read_up_to(char* out, std::size_t size) const {
    std::size_t done = 0;
    while (done < size) {
      const ssize_t got = ::read(fd_, out + done, size - done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return -1;
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return static_cast<ssize_t>(done);
  }

 private:
  int fd_;
};

/// Writes and syncs a file that nobody else sees yet.
Status write_new(const std::string& path, std::string_view payload) {
  const File file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
  if (!file.is_open()) return write_error(path, "cannot create");
  if (!file.write_all(state_header(payload)) || !file.write_all(payload)) {
    return write_error(path, "cannot write");
  }
  if (!file.sync()) return write_error(path, "cannot sync");
  return {};
}

/// Makes a rename last: it is an entry of the directory that holds the file.
Status sync_directory_of(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const std::string directory = parent.empty() ? std::string(1, '.') : parent.string();
  const File file(directory, O_RDONLY | O_DIRECTORY);
  if (!file.is_open() || !file.sync()) return write_error(directory, "cannot sync the directory");
  return {};
}

Result<std::string> read_opened(const File& file, std::uint64_t file_bytes) {
  std::string payload(kStateHeaderBytes, '\0');
  const ssize_t got = file.read_up_to(payload.data(), payload.size());
  if (got < 0) return write_error("header", "cannot read");
  payload.resize(static_cast<std::size_t>(got));
  const auto header = parse_header(payload);
  if (!header.ok()) return header.error();
  if (Status status = check_length(*header, file_bytes - kStateHeaderBytes); !status.ok()) {
    return status.error();
  }
  payload.resize(header->payload_bytes);
  const ssize_t body = file.read_up_to(payload.data(), payload.size());
  if (body < 0) return write_error("payload", "cannot read");
  payload.resize(static_cast<std::size_t>(body));
  if (Status status = check_payload(*header, payload); !status.ok()) return status.error();
  return payload;
}

}  // namespace

std::string state_header(std::string_view payload) {
  core::StateWriter fields;
  fields.u32(kStateFormatVersion);
  fields.u64(payload.size());
  fields.u32(core::crc32c(payload));
  return std::string(kMagic) + fields.bytes();
}

Result<std::string_view> open_envelope(std::string_view bytes) {
  const auto header = parse_header(bytes);
  if (!header.ok()) return header.error();
  const std::string_view payload = bytes.substr(kStateHeaderBytes);
  if (Status status = check_length(*header, payload.size()); !status.ok()) return status.error();
  if (Status status = check_payload(*header, payload); !status.ok()) return status.error();
  return payload;
}

Status write_state_file(const std::string& path, std::string_view payload) {
  const std::string aside = path + ".new";
  if (Status status = write_new(aside, payload); !status.ok()) {
    ::unlink(aside.c_str());
    return status;
  }
  if (std::rename(aside.c_str(), path.c_str()) != 0) {
    Error error = write_error(path, "cannot replace");
    ::unlink(aside.c_str());
    return error;
  }
  return sync_directory_of(path);
}

Result<std::string> read_state_file(const std::string& path) {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  const File file(path, O_RDONLY | O_NONBLOCK);
  if (!file.is_open()) return system_error(path, "cannot open");
  struct stat about {};
  if (::fstat(file.fd(), &about) != 0) return system_error(path, "cannot read its size");
  if (!S_ISREG(about.st_mode)) return Error{ErrorCode::Unavailable, path + ": not a regular file"};
  const auto file_bytes = static_cast<std::uint64_t>(about.st_size);
  if (file_bytes > kMaxStateFileBytes) {
    return Error{ErrorCode::Exhausted, path + ": " + std::to_string(file_bytes) +
                                           " bytes, the limit is " +
                                           std::to_string(kMaxStateFileBytes)};
  }
  auto payload = read_opened(file, file_bytes);
  if (!payload.ok()) return payload.error().within(path);
  return payload;
}

Status set_aside(const std::string& path) {
  if (std::rename(path.c_str(), (path + ".damaged").c_str()) != 0) {
    return write_error(path, "cannot set aside");
  }
  return sync_directory_of(path);
}

}  // namespace anomaly_exporter::storage
