<?php
/** Make the database and install a Russian WordPress. Input: {"socket", "database", "user", "password"}. */

declare(strict_types=1);

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

/** Connect as root through the socket; the server may still be waking up. */
function bed_connect(string $socket): mysqli
{
    for ($left = 100; ; $left--) {
        try {
            return new mysqli('localhost', 'root', '', '', 0, $socket);
        } catch (mysqli_sql_exception $error) {
            if ($left === 0) {
                throw $error;
            }
            usleep(100_000);
        }
    }
}

/** @param array<string, mixed> $input */
function bed_create_database(array $input): void
{
    ['database' => $database, 'user' => $user, 'password' => $password] = $input;
    $server = bed_connect($input['socket']);
    $server->query("CREATE DATABASE `$database` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci");
    $server->query("CREATE USER '$user'@'localhost' IDENTIFIED BY '$password'");
    $server->query("GRANT ALL ON `$database`.* TO '$user'@'localhost'");
    $server->close();
}

bed_create_database(json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR));
define('WP_INSTALLING', true);
require __DIR__ . '/wp.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';

load_default_textdomain('ru_RU');
// The installer asks its own address whether permalinks work; nothing answers there yet.
add_filter('pre_http_request', static fn (): WP_Error => new WP_Error('offline', 'no requests while installing'));
$site_name = 'Образование Верхнелужской области';
wp_install($site_name, 'redaktor', 'redaktor@obr.example', true, '', 'redaktor', 'ru_RU');
wp_update_user(['ID' => 1, 'display_name' => 'Пресс-служба', 'nickname' => 'Пресс-служба']);

$options = [
    'blogdescription' => 'Новости школ, детских садов и колледжей',
    'timezone_string' => 'Europe/Moscow',
    'date_format' => 'd.m.Y',
    'permalink_structure' => '/%year%/%monthnum%/%day%/%postname%/',
    // Left empty, the rules are made by the first request, with the taxonomies' own rules among them.
    'rewrite_rules' => '',
    'template' => 'twentytwentyone',
    'stylesheet' => 'twentytwentyone',
];
foreach ($options as $name => $value) {
    update_option($name, $value);
}
foreach (get_posts(['post_type' => ['post', 'page'], 'post_status' => 'any', 'numberposts' => -1]) as $post) {
    wp_delete_post($post->ID, true);
}
bed_output(['version' => $wp_version]);
