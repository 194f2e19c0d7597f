<?php
/**
 * Load the bed's WordPress into a command-line script.
 *
 * Argument 1 is the site's folder, argument 2 its address; a JSON object comes on standard input
 * and one JSON value leaves on standard output.
 */

declare(strict_types=1);

set_exception_handler(static function (Throwable $error): void {
    fwrite(STDERR, $error . "\n");
    exit(1);
});

[, $site, $url] = $argv;
$_SERVER['HTTP_HOST'] = parse_url($url, PHP_URL_HOST) . ':' . parse_url($url, PHP_URL_PORT);
$_SERVER['REQUEST_URI'] = '/';
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';

/** @return array<string, mixed> The object on standard input. */
function bed_input(): array
{
    return json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
}

function bed_output(mixed $value): void
{
    echo json_encode($value, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
}

/** Return the value of a WordPress call, or throw the WP_Error or the falsehood that it gave. */
function bed_done(mixed $result): mixed
{
    if (is_wp_error($result)) {
        throw new RuntimeException($result->get_error_message());
    }
    if ($result === false || $result === null || $result === 0) {
        throw new RuntimeException('WordPress refused');
    }
    return $result;
}

/** @param list<string> $names @return list<int> Ids of the terms, made where they are missing. */
function bed_terms(array $names, string $taxonomy, int $parent = 0): array
{
    $ids = [];
    foreach ($names as $name) {
        // Terms are stored with entities: «Дети &amp; спорт».
        $term = term_exists(esc_html($name), $taxonomy) ?: wp_insert_term($name, $taxonomy, ['parent' => $parent]);
        $ids[] = (int) bed_done($term)['term_id'];
    }
    return $ids;
}

require $site . '/wp-load.php';
wp_cache_flush();
kses_remove_filters();
