<?php
/** Fill an empty site with the fixed posts of posts_*.php. Output: ids of the posts by handle. */

declare(strict_types=1);

require __DIR__ . '/wp.php';
require __DIR__ . '/markup.php';
require_once ABSPATH . 'wp-admin/includes/image.php';

const BED_CATEGORIES = [
    '' => ['Новости', 'Экзамены', 'Документы', 'Конкурсы и олимпиады', 'Педагогам', 'Дети & спорт', 'Архив'],
    'Новости' => ['Школы', 'Детские сады', 'Колледжи', 'Дополнительное образование'],
    'Экзамены' => ['ЕГЭ', 'ОГЭ', 'ВПР'],
    'Документы' => ['Приказы', 'Положения'],
    'Педагогам' => ['Аттестация'],
    'Школы' => ['Сельские школы'],
];

/** Store a file among the uploads of September 2023; return its attachment's id. */
function bed_upload(string $name, string $type, string $title, string $bytes): int
{
    $upload = wp_upload_bits($name, null, $bytes, '2023/09');
    if ($upload['error']) {
        throw new RuntimeException($upload['error']);
    }
    $fields = [
        'post_title' => $title,
        'post_mime_type' => $type,
        'post_status' => 'inherit',
        'post_date' => '2023-09-01 08:00:00',
    ];
    $id = bed_done(wp_insert_attachment($fields, $upload['file'], 0, true));
    wp_update_attachment_metadata($id, wp_generate_attachment_metadata($id, $upload['file']));
    return $id;
}

/** @param array<string, mixed> $post @param array<string, int> $files @return int Id of the new post. */
function bed_seed_post(string $handle, array $post, array $files): int
{
    global $wpdb;
    $urls = [];
    foreach ($files as $name => $file) {
        $urls["{{{$name}}}"] = wp_get_attachment_url($file);
    }
    $id = bed_done(wp_insert_post(wp_slash([
        'post_title' => $post['title'],
        'post_content' => strtr($post['content'], $urls),
        'post_excerpt' => $post['excerpt'] ?? '',
        'post_status' => $post['status'] ?? 'publish',
        'post_password' => $post['password'] ?? '',
        'post_name' => $post['slug'] ?? '',
        'post_date' => $post['date'],
        'post_author' => 1,
        'post_category' => bed_terms($post['categories'] ?? ['Новости'], 'category'),
        'tags_input' => $post['tags'] ?? [],
        'comment_status' => isset($post['comments']) ? 'open' : 'closed',
        '_thumbnail_id' => isset($post['image']) ? $files[$post['image']] : 0,
    ]), true));
    if (isset($post['modified'])) {
        $local = $post['modified'];
        $dates = ['post_modified' => $local, 'post_modified_gmt' => get_gmt_from_date($local)];
        $wpdb->update($wpdb->posts, $dates, ['ID' => $id]);
    }
    foreach ($post['comments'] ?? [] as $author => $text) {
        $comment = ['comment_post_ID' => $id, 'comment_author' => $author, 'comment_content' => $text];
        wp_insert_comment($comment + ['comment_date' => $post['date'], 'comment_approved' => 1]);
    }
    if ($post['sticky'] ?? false) {
        stick_post($id);
    }
    return $id;
}

foreach (BED_CATEGORIES as $parent => $names) {
    bed_terms($names, 'category', $parent === '' ? 0 : bed_terms([$parent], 'category')[0]);
}
$order = "Министерство образования\nВерхнелужской области\n\n"
    . "ПРИКАЗ № 412\nО проведении областного слёта юных краеведов";
$annex = "Приложение к приказу № 412\n\nСлёт проходит 14-16 сентября 2023 года\nна базе лагеря «Сосновая коса»";
$files = [
    'order.pdf' => bed_upload('prikaz-412.pdf', 'application/pdf', 'Приказ № 412', bed_pdf([$order, $annex])),
    'menu.pdf' => bed_upload('menyu-sentyabr.pdf', 'application/pdf', 'Меню', bed_pdf(['Меню школьной столовой'])),
    'blue.png' => bed_upload('otkrytie.png', 'image/png', 'Открытие', bed_png(40, 90, 160)),
    'green.png' => bed_upload('slyot.png', 'image/png', 'Слёт', bed_png(50, 130, 70)),
];
wp_defer_term_counting(true);
$ids = [];
foreach (['news', 'stories', 'dates', 'markup', 'characters', 'hidden', 'plain'] as $part) {
    foreach (require __DIR__ . "/posts_$part.php" as $handle => $post) {
        $ids[$handle] = bed_seed_post($handle, $post, $files);
    }
}
wp_defer_term_counting(false);
bed_output($ids);
