# Gregor - builds and checks everything from the top.
#
#   make            all programs and libseg.so in build/    (CC=clang works too)
#   make run        install what is missing, build, start one broker with its
#                   own coordination service on 127.0.0.1:9092, data in ./data
#   make check      install what is missing, build, run unit and contract tests
#   make scenario   whole processes with real clients
#   make bench      Gregor beside Apache Kafka on this machine, one table
#   make san tsan   make check under ASan+UBSan; TSan for what crosses threads
#   make fuzz       libFuzzer on each reader, FUZZ_SECONDS each (clang)
#   make headers tidy format   what keeps the sources in shape
#   make install PREFIX=/usr/local DESTDIR=
#
# V=1 shows the commands. Nothing here downloads anything but `deps`, which asks
# the system's package manager for the packages below.

CC       = gcc
BUILD    = build
OPT      = -O2 -g
SAN      =
PREFIX   = /usr/local
DESTDIR  =
JOBS     = $(shell nproc)
PACKAGES = gcc make pkg-config python3 libevent-dev libzookeeper-st-dev \
           zlib1g-dev libsnappy-dev liblz4-dev libzstd-dev libisal-dev \
           libssl-dev libjansson-dev librdkafka-dev libedit-dev check

WARN = -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wswitch-enum \
       -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Werror
# Only for "quoted" names: none of ours hides a header of the system.
OWN     = . lib zk-adapter broker $(BUILD)/gen
# Without a PLT a call into a library needs no stub: fewer cold lines of code for
# a thread that wakes for one small request, about a tenth of its user time.
CFLAGS  = -std=gnu11 $(OPT) -fPIC -fno-semantic-interposition -fno-plt \
          -pthread $(SAN) $(WARN) -MMD -MP -D_GNU_SOURCE $(addprefix -iquote ,$(OWN))
LDFLAGS = -pthread $(SAN)
LINK    = $(Q)$(CC) $(OPT) $(WHOLE) $(LDFLAGS)
LIBS    = -levent -levent_pthreads -lzookeeper_st -ljansson -lssl -lcrypto -lisal -lm
SEGLIBS = -lz -lsnappy -llz4 -lzstd -lisal
ifneq ($(filter clang%,$(CC)),)
CFLAGS += -Wno-unknown-warning-option
else ifeq ($(SAN),)
# Programs are optimised as wholes: less code, closer together, which saves that
# thread another sixth. Tests take each file as it is compiled by itself.
WHOLE   = -flto=auto
endif

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-4s %s\n'
endif

# -- sources ------------------------------------------------------------------

find = $(sort $(shell find $(1) -name '*.c' 2>/dev/null))
SCHEMA   := $(sort $(wildcard lib/wire/schema/*.txt))
GEN      := $(BUILD)/gen/wire
gen_c    := $(patsubst lib/wire/schema/%.txt,$(GEN)/msg_%.c,$(SCHEMA)) \
            $(GEN)/apis.c
seg_c    := $(call find,lib/base) $(call find,lib/wire) $(call find,lib/codec) \
            $(call find,lib/seg)
core_c   := $(call find,lib/loop) $(call find,lib/tls) $(call find,zk-adapter) \
            $(filter-out broker/main.c,$(call find,broker))
tools_c  := $(call find,tools)
test_c   := $(sort $(shell find tests/lib tests/zk-adapter tests/broker \
            tests/tools -name 'test_*.c' 2>/dev/null))
support_c := $(call find,tests/support)
fuzz_c   := $(wildcard tests/fuzz/fuzz_*.c)

under    = $(patsubst %.c,$(1)/%.o,$(patsubst $(BUILD)/gen/%,gen/%,$(2)))
obj      = $(call under,$(BUILD)/obj,$(1))
part     = $(call under,$(BUILD)/$(if $(WHOLE),whole,obj),$(1))
lib_o    := $(call obj,$(seg_c) $(gen_c) $(core_c) $(support_c))
# ONLY narrows the tests: patterns of their sources.
ONLY     = %
tests    := $(patsubst %.c,$(BUILD)/%,$(filter $(ONLY),$(test_c)))

# -- programs -----------------------------------------------------------------

.PHONY: all deps run check scenario bench san tsan fuzz headers tidy format \
        install clean
all: $(BUILD)/libseg.so $(BUILD)/gregor $(BUILD)/gregor-tools

$(BUILD)/libseg.so: $(call part,$(seg_c) $(gen_c))
	$(say) LD $@
	$(LINK) -shared -Wl,-soname,libseg.so -Wl,-Bsymbolic -o $@ $^ $(SEGLIBS)

RPATH = -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib'
$(BUILD)/gregor: $(call part,broker/main.c $(core_c)) $(BUILD)/libseg.so
	$(say) LD $@
	$(LINK) $(RPATH) -o $@ $(filter %.o,$^) -L$(BUILD) -lseg $(LIBS)

$(BUILD)/gregor-tools: $(call part,$(tools_c) $(call find,lib/loop) \
                           $(call find,lib/tls)) $(BUILD)/libseg.so
	$(say) LD $@
	$(LINK) $(RPATH) -o $@ $(filter %.o,$^) -L$(BUILD) -lseg $(LIBS) \
	    -lrdkafka -ledit

$(GEN)/.made: lib/wire/generate.py $(wildcard lib/wire/gen/*.py) $(SCHEMA)
	$(say) GEN $(GEN)
	$(Q)mkdir -p $(GEN)
	$(Q)python3 lib/wire/generate.py $(GEN) $(SCHEMA)
	$(Q)touch $@
$(gen_c): $(GEN)/.made ;

define compile
$(say) CC $<
$(Q)mkdir -p $(@D)
$(Q)$(CC) $(CFLAGS) $(1) -c -o $@ $<
endef

$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c
	$(call compile)
$(BUILD)/obj/%.o: %.c $(GEN)/.made
	$(call compile)
$(BUILD)/whole/gen/%.o: $(BUILD)/gen/%.c
	$(call compile,$(WHOLE))
$(BUILD)/whole/%.o: %.c $(GEN)/.made
	$(call compile,$(WHOLE))

# -- tests --------------------------------------------------------------------

$(BUILD)/libgregor.a: $(lib_o)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(BUILD)/libgregor.a
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(BUILD)/libgregor.a $(LIBS) $(SEGLIBS) \
	    $$(pkg-config --libs check)

check: deps
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) all
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) check-run

check-build: $(tests)
check-run: all $(tests)
	$(Q)tests/run-unit $(BUILD) $(tests)

san:
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) BUILD=build/san OPT='-O1 -g' \
	    SAN='-fsanitize=address,undefined -fno-sanitize-recover=undefined' check-run
# What crosses threads: the loop, the network, partitions, logs, handlers.
THREADED = tests/lib/loop/%.c tests/broker/net/%.c tests/broker/partition/%.c \
           tests/broker/api/%.c tests/broker/metadata/%.c tests/broker/group/%.c \
           tests/zk-adapter/client/%.c tests/lib/seg/test_log_threads.c \
           tests/lib/seg/test_direct.c
tsan:
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) BUILD=build/tsan OPT='-O1 -g' \
	    SAN='-fsanitize=thread' ONLY='$(THREADED)' check-run

FUZZ_SECONDS = 30
fuzz:
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) CC=clang BUILD=build/fuzz OPT='-O1 -g' \
	    SAN='-fsanitize=address,undefined,fuzzer-no-link' build/fuzz/libgregor.a
	$(Q)CC=clang tests/fuzz/run build/fuzz $(FUZZ_SECONDS) $(fuzz_c)

scenario: all
	$(Q)tests/scenario/run $(BUILD)

bench: deps all
	$(Q)tests/bench/run $(BUILD)

# -- use ----------------------------------------------------------------------

run: deps
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) all
	$(Q)exec $(BUILD)/gregor broker etc/server.properties

# Install what the build needs, when it is missing: apt on Debian and Ubuntu
# (through sudo when not root); elsewhere the list, and an exit.
deps:
	$(Q)etc/deps $(PACKAGES)

# What seg.h includes: the rest is private.
SEG_HEADERS = $(patsubst lib/%,%,$(filter lib/%.h, \
    $(shell $(CC) $(filter-out -MMD -MP,$(CFLAGS)) -MM lib/seg/seg.h)))
TOOL_LINKS = $(shell $(BUILD)/gregor-tools --list 2>/dev/null)
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib \
	    $(DESTDIR)$(PREFIX)/share/gregor
	install -m 755 $(BUILD)/gregor $(BUILD)/gregor-tools $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BUILD)/libseg.so $(DESTDIR)$(PREFIX)/lib
	for h in $(SEG_HEADERS); do install -D -m 644 lib/$$h \
	    $(DESTDIR)$(PREFIX)/include/gregor/$$h; done
	install -m 644 etc/*.properties etc/*.cfg $(DESTDIR)$(PREFIX)/share/gregor
	for t in $(TOOL_LINKS); do \
	    ln -sf gregor-tools $(DESTDIR)$(PREFIX)/bin/$$t; done

# -- shape --------------------------------------------------------------------

all_h = $(shell find lib zk-adapter broker tools -name '*.h')
headers: $(GEN)/.made
	$(Q)for h in $(all_h); do \
	    $(CC) $(filter-out -MMD -MP,$(CFLAGS)) -fsyntax-only -x c $$h \
	    || exit 1; done
tidy: $(GEN)/.made
	$(Q)for f in $(seg_c) $(core_c) $(tools_c); do \
	    clang-tidy --quiet $$f -- $(filter-out -Werror -MMD -MP,$(CFLAGS)) \
	    || exit 1; done
format:
	$(Q)clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h')

clean:
	rm -rf $(BUILD)

.SECONDARY:
-include $(shell find $(BUILD)/obj $(BUILD)/whole -name '*.d' 2>/dev/null)
