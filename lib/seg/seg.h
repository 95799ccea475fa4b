/* seg.h - libseg: partition logs on disk, in Apache Kafka's format.
 *
 * The header of libseg.so; includes all of it. Installed, it is found with
 * -I PREFIX/include/gregor.
 *
 *     fs.h          the file system as a table
 *     seg_file.h    open files, counted, bounded
 *     log_config.h  a topic's settings
 *     log_dir.h     one entry of log.dirs
 *     log.h         one partition's log: append, read, cut, retain, flush
 *     batch.h       record batches: header, iteration, records, building
 *     validate.h    what a leader checks before it appends
 *     clean.h       compaction
 *     convert.h     old message formats, to and fro
 *
 * The least that reads a log:
 *
 *     files = seg_files_new(fs_real(), 64);
 *     err = log_dir_open(&dir, fs_real(), files, "/var/lib/gregor", &why);
 *     log_config_init(&config);
 *     err = log_open(&log, dir, BYTES("orders"), 0, LOG_OPEN_EXISTING, &config,
 *                    now_ms, &why);
 *     err = log_read(log, offset, log_end_offset(log), 1 << 20, LOG_READ_ONE,
 *                    &plan, &why);
 *     ... sendfile or pread from seg_file_fd(plan.file) ...
 *     seg_file_unref(&plan.file);
 */
#ifndef GREGOR_SEG_SEG_H
#define GREGOR_SEG_SEG_H

#include "seg/clean.h"
#include "seg/convert.h"
#include "seg/log.h"
#include "seg/validate.h"

#endif
