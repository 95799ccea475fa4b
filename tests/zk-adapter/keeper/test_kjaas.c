/* JAAS files. */
#include "keeper/kjaas.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/unit.h"

static enum err read_text(struct kjaas *out, const char *text,
                          struct errmsg *why)
{
    return kjaas_read(out, bytes_of(text), "jaas.conf", "Server", why);
}

START_TEST(a_section_is_read_as_java_reads_it)
{
    struct kjaas jaas;

    ck_assert_err(
        read_text(&jaas,
                  "// a comment { \n/* another } \n */\n"
                  "Client { x.Y optional a=b; };\r\n"
                  "Server{org.example.Mod-1 REQUIRED user_a = word "
                  "\"user_b c\"=\"two \\\"words\\\\\\101\\n\" / all ignored;\n"
                  "d=\"\" user_a=again;\n  other.$M sufficient; };",
                  NULL),
        ERR_OK);
    ck_assert(jaas.found);
    ck_assert_uint_eq(jaas.n_modules, 2);
    ck_assert_str_eq(jaas.modules[0], "org.example.Mod-1");
    ck_assert_str_eq(jaas.modules[1], "other.$M");
    ck_assert_uint_eq(jaas.n_options, 3);
    ck_assert_str_eq(jaas.options[0].name, "user_a");
    ck_assert_str_eq(jaas.options[0].value, "again");
    ck_assert_str_eq(jaas.options[1].name, "user_b c");
    ck_assert_str_eq(jaas.options[1].value, "two \"words\\A\n");
    ck_assert_str_eq(jaas.options[2].value, "");
    kjaas_fini(&jaas);
    ck_assert_err(read_text(&jaas, "", NULL), ERR_OK);
    ck_assert(!jaas.found);
    kjaas_fini(&jaas);
}
END_TEST

START_TEST(many_options_are_kept_in_order)
{
    struct kjaas jaas;
    char text[4096] = "Server { m required ";

    for (int i = 0; i < 100; i++) {
        char one[32];

        (void)snprintf(one, sizeof one, "user_%d=p%d ", i, i);
        strcat(text, one);
    }
    strcat(text, "; };");
    ck_assert_err(read_text(&jaas, text, NULL), ERR_OK);
    ck_assert_uint_eq(jaas.n_options, 100);
    ck_assert_str_eq(jaas.options[99].name, "user_99");
    ck_assert_str_eq(jaas.options[57].value, "p57");
    kjaas_fini(&jaas);
}
END_TEST

START_TEST(what_is_wrong_is_named_with_its_line)
{
    static const char *const rows[][2] = {
        { "Server", "'{' expected" },
        { "Server {", "login module" },
        { "Server {\n m maybe;\n};", "jaas.conf:2: \"maybe\"" },
        { "Server { m required a; };", "'=' expected" },
        { "Server { m required a=; };", "the value of an option" },
        { "Server { m required a=\"x\n\"; };", "quote is not closed" },
        { "Server { m required a='x'; };", "the value of an option" },
        { "Server { m required a=1; };", "the value of an option" },
        { "Server { m required a=b; }", "';' expected" },
        { "Server { m required a=b }", "the name of an option" },
        { "Server { m required a=\"${x}\"; };", "not expanded" },
        { "Server { }; Server { };", "second section" },
        { "{", "the name of a section" },
        { "Server { m required a=\"\\0\"; };", "NUL" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kjaas jaas;
        struct errmsg why;

        ck_assert_err(read_text(&jaas, rows[i][0], &why), ERR_INVALID);
        ck_assert_msg(strstr(why.text, rows[i][1]) != NULL, "%s: %s",
                      rows[i][0], why.text);
    }
}
END_TEST

START_TEST(every_cut_of_a_file_is_refused_or_lacks_the_section)
{
    static const char whole[] = "/* c */ A { m optional; }; // x\nServer { "
                                "m required \"a b\"=\"c\\303\" d=e; };";

    for (size_t n = 0; n < sizeof whole - 1; n++) {
        char *cut = malloc(n + 1);
        struct kjaas jaas;

        memcpy(cut, whole, n);
        if (kjaas_read(&jaas, bytes_make(cut, n), "f", "Server", NULL) ==
            ERR_OK)
            ck_assert(!jaas.found);
        kjaas_fini(&jaas);
        free(cut);
    }
}
END_TEST

UNIT_MAIN("kjaas", a_section_is_read_as_java_reads_it,
          many_options_are_kept_in_order, what_is_wrong_is_named_with_its_line,
          every_cut_of_a_file_is_refused_or_lacks_the_section)
